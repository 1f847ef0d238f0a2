"""The main job, end to end, on handwritten digits that scikit-learn carries: `hf-etc demo`."""
