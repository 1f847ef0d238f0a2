"""The main job, end to end, on handwritten digits that scikit-learn carries: `hf-etc demo`."""

EPOCHS = 25  # of each of the two trainings; here, so that the command line knows it without the rest
