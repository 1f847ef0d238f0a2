"""Models: every registered family builds, keeps its own initial weights, trains, saves and loads."""

import json
from functools import partial

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import (
    AutoModel,
    AutoModelForImageClassification,
    Trainer,
    TrainingArguments,
    ViTConfig,
    ViTModel,
)

from hf_etc.errors import GeometryError, ImageError, ParameterError
from hf_etc.models import (
    IsotropicConfig,
    IsotropicForImageClassification,
    build_model,
    classification_loss,
    list_families,
    patch_embedding,
    register_family,
)
from hf_etc.models.registry import find_family

CLASSES = 5
_MLP = {"dim": 32, "depth": 2, "patch_size": 8}
_PYRAMID = {"depth": 8, "alpha": 12}
_VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "patch_size": 8,
}
SMALL = {
    "convmixer": {"dim": 32, "depth": 2, "patch_size": 4, "kernel_size": 3},
    "mixer": _MLP,
    "resmlp": _MLP,
    "gmlp": _MLP,
    "timm": {
        "architecture": "vit_tiny_patch16_224",
        "model_args": {"patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2},
    },
    "vit": _VIT,
    "bag-vit": _VIT,
    "resnet": {},
    "shake-pyramidnet": _PYRAMID,
    "le-adapt": _PYRAMID,
    "ele-adapt": _PYRAMID,
}
FAMILIES = list_families()
ISOTROPIC = [name for name in FAMILIES if find_family(name)[0].config_class is IsotropicConfig]
OWN = [name for name in FAMILIES if find_family(name)[0].model_class is not None]


def small(family, num_labels=CLASSES, **overrides):
    return build_model(family, num_labels, image_size=32, **SMALL[family] | overrides)


def images(count=4, size=32):
    return torch.rand(count, 3, size, size) * 2 - 1


# --- every family ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_trained_model_saves_and_loads_exactly(family, tmp_path):
    model, x, labels = small(family).train(), images(), torch.arange(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):  # moves the weights and the statistics of batch norm
        model(x, labels=labels).loss.backward()
        optimizer.step()
    model.eval().save_pretrained(tmp_path)
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path)

    assert type(loaded) is type(model)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    assert torch.equal(loaded(x).logits, model(x).logits)
    assert not torch.equal(loaded(x).logits, small(family).eval()(x).logits)
    assert loaded.config.to_diff_dict() == model.config.to_diff_dict()
    assert loaded.config.problem_type == "single_label_classification"


@pytest.mark.parametrize("family", FAMILIES)
def test_config_is_lean_json(family, tmp_path):
    small(family).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert not {"pretrained_cfg", "key", "key_id"} & config.keys()
    assert len(config["id2label"]) == CLASSES


@pytest.mark.parametrize("family", OWN)
def test_class_ids_and_soft_targets_give_the_same_loss(family):
    model, x, labels = small(family).eval(), images(), torch.tensor([0, 1, 2, 4])
    torch.nn.init.normal_([p for p in model.parameters() if p.ndim == 2 and len(p) == CLASSES][-1])
    hard = model(x, labels=labels)
    soft = model(x, labels=F.one_hot(labels, CLASSES).float())
    log_probabilities = hard.logits.detach().log_softmax(-1)
    torch.testing.assert_close(hard.loss, -log_probabilities[torch.arange(4), labels].mean())
    torch.testing.assert_close(soft.loss, hard.loss)
    mixed = 0.25 * F.one_hot(labels, CLASSES) + 0.75 * F.one_hot(labels.flip(0), CLASSES)
    torch.testing.assert_close(model(x, labels=mixed).loss, -(mixed * log_probabilities).sum(-1).mean())
    assert not torch.allclose(model(x, labels=mixed).loss, F.binary_cross_entropy_with_logits(hard.logits, mixed))
    assert model.config.problem_type == "single_label_classification"


@pytest.mark.parametrize("family", [name for name in OWN if name != "bag-vit"])
def test_networks_without_attention_give_none(family):
    with pytest.raises(ParameterError, match="has no attentions; leave out output_attentions"):
        small(family)(images(2), output_attentions=True)


def test_a_network_without_blocks_has_no_hidden_states():
    model = small("convmixer")
    del model.network.blocks
    with pytest.raises(ParameterError, match="has no hidden_states; leave out output_hidden_states"):
        model(images(2), output_hidden_states=True)


@pytest.mark.parametrize("family", OWN)
def test_hidden_states_are_what_the_blocks_take_and_give(family):
    """As in transformers' own tests of models: one more than there are layers, and gradients reach them."""
    model, x, labels = small(family).train(), images(2), torch.tensor([0, 1])
    blocks = list(model.blocks())[1:] if family == "bag-vit" else list(model.blocks())  # its first makes the tokens
    last = []
    blocks[-1].register_forward_hook(lambda _block, _inputs, output: last.append(output))
    output = model(x, labels=labels, output_hidden_states=True)
    assert len(output.hidden_states) == len(blocks) + 1
    assert output.hidden_states[-1] is last[0]
    assert isinstance(model(x, output_hidden_states=True, return_dict=False)[1], tuple)
    torch.nn.init.normal_([p for p in model.parameters() if p.ndim == 2 and len(p) == CLASSES][-1])
    model.config.output_hidden_states = True
    output = model(x, labels=labels)
    output.hidden_states[0].retain_grad()
    output.loss.backward()
    assert output.hidden_states[0].grad.abs().max() > 0


@pytest.mark.parametrize("family", OWN)
def test_auto_model_gives_the_features_of_a_classifier(family, tmp_path, caplog):
    model, x = small(family).eval(), images(2)
    classifier = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    torch.nn.init.normal_(classifier.weight)
    model.save_pretrained(tmp_path)
    features, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()) and caplog.text == ""
    output = features(x, output_hidden_states=True)
    assert torch.allclose(classifier(output.pooler_output), model(x).logits, atol=1e-5)
    assert output.last_hidden_state.ndim in (3, 4) and len(output.last_hidden_state) == 2
    assert len(output.hidden_states) == len(model(x, output_hidden_states=True).hidden_states)
    assert torch.equal(features(x, return_dict=False)[1], output.pooler_output)
    features.save_pretrained(tmp_path / "again")
    again = AutoModelForImageClassification.from_pretrained(tmp_path / "again")
    assert torch.equal(again(x).logits, model(x).logits)


@pytest.mark.parametrize("family", OWN)
def test_output_forms(family):
    model, x = small(family).eval(), images(2)
    assert model(x).loss is None
    (logits,) = model(x, return_dict=False)
    assert torch.equal(logits, model(pixel_values=x).logits)
    assert [value.ndim for value in model(x, labels=torch.tensor([0, 1]), return_dict=False)] == [0, 2]


@pytest.mark.parametrize("family", OWN)
@pytest.mark.parametrize(
    ("pixels", "error"),
    [
        (torch.zeros(3, 32, 32), ImageError),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), ImageError),
        (torch.zeros(1, 1, 32, 32), ImageError),
        (torch.zeros(1, 32, 32, 3), (ImageError, GeometryError)),
    ],
)
def test_unusable_pixels_raise(family, pixels, error):
    with pytest.raises(error, match=r"^[^\n]+$"):
        small(family).eval()(pixels)


# --- initial weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", OWN)
def test_new_models_keep_the_weights_their_network_drew(family):
    torch.manual_seed(1)
    model = small(family)
    torch.manual_seed(1)
    network = model.build_network(model.config)
    assert_same(model.network.state_dict(), network.state_dict())


@pytest.mark.parametrize(
    ("family", "entry_point", "fields"),
    [
        ("convmixer", "convmixer_1024_20_ks9_p14", {"dim": 1024, "depth": 20, "kernel_size": 9, "patch_size": 14}),
        ("mixer", "mixer_s16_224", {}),
        ("resmlp", "resmlp_12_224", {}),
        ("gmlp", "gmlp_s16_224", {}),
    ],
)
def test_networks_are_those_of_the_timm_entry_points(family, entry_point, fields):
    size = 28 if family == "convmixer" else 32
    torch.manual_seed(1)
    model = build_model(family, CLASSES, image_size=size, **fields).eval()
    torch.manual_seed(1)
    reference = timm.create_model(entry_point, num_classes=CLASSES, **({} if size == 28 else {"img_size": size})).eval()
    assert_same(model.network.state_dict(), reference.state_dict())
    # MLP-Mixer's head starts at zero: give both one that shows the features
    torch.nn.init.eye_(model.network.head.weight), torch.nn.init.eye_(reference.head.weight)
    x = images(1, size)
    assert torch.equal(model(x).logits, reference(x))


@pytest.mark.parametrize("family", OWN)
def test_weights_a_checkpoint_lacks_are_drawn_as_in_a_new_network(family, tmp_path):
    model = small(family)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.fill_(3)
    model.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    lost = sorted(state)[::2]
    kept = {name: tensor for name, tensor in state.items() if name not in lost}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})

    loaded, report = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert len(report["missing_keys"]) == len(lost)  # transformers gives some weights other names on disk
    fresh = small(family).state_dict()
    for name, tensor in loaded.state_dict().items():
        if name not in report["missing_keys"]:
            assert (tensor == 3).all(), name
        elif fresh[name].float().numel() < 100 or fresh[name].float().std() == 0:
            torch.testing.assert_close(tensor.float().mean(), fresh[name].float().mean(), atol=0.5, rtol=0)
        else:
            torch.testing.assert_close(tensor.std(), fresh[name].std(), atol=1e-5, rtol=0.3)


def test_replaced_classifier_has_timm_initial_values(tmp_path):
    model = small("convmixer", dim=64)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path, num_labels=40, ignore_mismatched_sizes=True)
    head = loaded.network.head
    assert head.weight.shape == (40, 64)
    # torch's uniform(-1/8, 1/8); transformers would draw with a standard deviation of 0.02 and zero biases
    assert head.weight.std().item() == pytest.approx(0.125 / 3**0.5, rel=0.05)
    assert head.weight.abs().max() <= 0.125
    assert head.bias.abs().min() > 0
    assert_same(rest(loaded), rest(model))

    model = small("mixer")
    model.save_pretrained(tmp_path)
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path, num_labels=7, ignore_mismatched_sizes=True)
    assert (loaded.network.head.weight == 0).all()
    assert_same(rest(loaded), rest(model))


def rest(model):
    return {name: value for name, value in model.state_dict().items() if "head." not in name}


def assert_same(left, right):
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)


# --- the isotropic networks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [("convmixer-256/8", 706_570), ("convmixer-384/8", 1_470_346), ("vit-b/16", 85_806_346)],
)
def test_parameter_counts_of_the_paper(preset, parameters):
    with torch.device("meta"):
        assert build_model(preset, 10).num_parameters() == parameters


def test_paper_presets():
    small, large = build_model("convmixer-256/8", 10), build_model("convmixer-384/8", 10)
    for model, dim, patch in (small, 256, 1), (large, 384, 4):
        config = model.config
        assert (config.dim, config.depth, config.patch_size, config.kernel_size) == (dim, 8, patch, 9)
        assert model.patch_embedding.weight.shape == (dim, 3, patch, patch)
        assert isinstance(model.network.stem[1], torch.nn.GELU)


@pytest.mark.parametrize("family", ISOTROPIC)
def test_compiles_without_a_graph_break(family):
    torch._dynamo.reset()  # noqa: SLF001
    model, x, labels = small(family).eval(), images(), torch.full((4, CLASSES), 1 / CLASSES)
    compiled = torch.compile(model, backend="eager", fullgraph=True)(x, labels=labels)
    expected = model(x, labels=labels)
    torch.testing.assert_close(compiled.loss, expected.loss)
    torch.testing.assert_close(compiled.logits, expected.logits)


def switch_checkpointing(model, on, *options):
    """By the name that the release of transformers has for it."""
    name = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{name}_checkpointing_{'enable' if on else 'disable'}")(*options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"use_reentrant": True},
            "use_reentrant=True: these networks checkpoint with use_reentrant=False; leave",
        ),
        ({"preserve_rng_state": False}, "preserve_rng_state=False: these"),
    ],
)
@pytest.mark.parametrize("family", ["convmixer", "resnet", "bag-vit"])
def test_options_of_checkpointing_that_would_be_dropped_are_refused(family, options, message):
    with pytest.raises(ParameterError, match=message):
        switch_checkpointing(small(family), True, options)


def test_the_trainer_switches_it_on(tmp_path):
    model, pixels = small("convmixer"), images(4)
    rows = [{"pixel_values": one, "labels": label} for label, one in enumerate(pixels)]
    options = {"max_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True, "disable_tqdm": True}
    Trainer(model, TrainingArguments(str(tmp_path), gradient_checkpointing=True, **options), train_dataset=rows).train()
    assert model.gradient_checkpointing and model.network.grad_checkpointing


def test_offloading_what_is_checkpointed_is_refused():
    model = small("convmixer")
    with pytest.raises(ParameterError, match="offload=True: these"):
        model._set_gradient_checkpointing(True, partial(lambda *_: None, use_reentrant=False))  # noqa: SLF001


@pytest.mark.parametrize("family", ["resnet", "bag-vit"])
def test_gradient_checkpointing_of_other_networks(family):
    model, x, labels = small(family).eval(), images(), torch.arange(4)
    expected = model(x, labels=labels).loss
    switch_checkpointing(model.train(), True)
    model.eval()  # batch norm would see the batch twice
    model(x, labels=labels).loss.backward()
    assert torch.equal(model(x, labels=labels).loss, expected)
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("family", ISOTROPIC)
def test_gradient_checkpointing_changes_no_gradient(family):
    model, x, labels = small(family).train(), images(), torch.arange(4)
    torch.nn.init.normal_(model.network.head.weight)
    recomputed = []
    # before the block: recomputation stops early, as soon as the backward pass has what it needs
    next(iter(model.network.blocks)).register_forward_pre_hook(lambda *_: recomputed.append(1))

    def gradients():
        model.zero_grad(), recomputed.clear()
        model(x, labels=labels).loss.backward()
        return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}, len(recomputed)

    plain, once = gradients()
    switch_checkpointing(model, True, {"use_reentrant": False})
    checkpointed, twice = gradients()
    switch_checkpointing(model, False)
    assert (once, twice, gradients()[1]) == (1, 2, 1)
    for name, gradient in plain.items():
        torch.testing.assert_close(checkpointed[name], gradient)


@pytest.mark.parametrize("family", ISOTROPIC)
def test_patch_embedding_is_the_first_layer(family):
    model = small(family).eval()
    seen = []
    model.patch_embedding.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    x = images(1)
    model(x)
    assert torch.equal(seen[0], x)


def test_patch_embedding_of_transformers_vit():
    model = small("vit")
    assert patch_embedding(model) is model.vit.embeddings.patch_embeddings.projection


def test_bfloat16_weights_take_float32_pixels(tmp_path):
    small("convmixer").save_pretrained(tmp_path)
    model = AutoModelForImageClassification.from_pretrained(tmp_path, dtype=torch.bfloat16)
    output = model(images(), labels=torch.arange(4))
    assert output.logits.dtype == torch.bfloat16
    assert output.loss.dtype == torch.float32


def test_convmixer_takes_any_multiple_of_the_patch_size():
    model = small("convmixer").eval()
    assert model(torch.zeros(1, 3, 64, 36)).logits.shape == (1, CLASSES)
    with pytest.raises(GeometryError, match="34x34 is not a multiple of the patch size 4"):
        model(torch.zeros(1, 3, 34, 34))


@pytest.mark.parametrize("family", ["mixer", "resmlp", "gmlp", "timm"])
def test_other_networks_take_one_size(family):
    with pytest.raises(GeometryError, match="64x64: this model takes 32x32"):
        small(family)(images(1, 64))


@pytest.mark.parametrize(
    ("architecture", "model_args", "message"),
    [
        ("resnet18", {}, "not isotropic"),
        ("swin_tiny_patch4_window7_224", {"img_size": 56}, "timm cannot build"),  # image_size says it already
        ("convnext_atto", {}, "not isotropic"),
        ("xcit_nano_12_p8_224", {}, "no patch embedding"),
        ("convmixer_768_32", {"dim": 64}, "timm cannot build"),
        ("vit_tiny_patch16_224", {"depth": 1, "checkpoint_path": "x"}, "may not contain 'checkpoint_path'"),
        ("vit_tiny_patch16_224", {"depth": 1, "patch_size": 7}, "not a multiple of the patch size 7"),
        ("hf-hub:owner/name", {}, "not one of timm's"),
        (None, {}, "not one of timm's"),
    ],
)
def test_unfit_timm_architectures_raise(architecture, model_args, message):
    with pytest.raises((ParameterError, GeometryError), match=message):
        build_model("timm", 10, architecture=architecture, image_size=32, model_args=model_args)


def test_config_defaults_aliases_and_independence():
    config = IsotropicConfig(family="resmlp", hidden_size=48, num_hidden_layers=3)
    assert (config.dim, config.depth, config.patch_size, config.layer_scale) == (48, 3, 16, 1e-4)
    assert config.kernel_size is None
    first, second = IsotropicConfig(family="mixer"), IsotropicConfig(family="mixer")
    first.mlp_ratio.append(1)
    assert second.mlp_ratio == [0.5, 4.0]


def test_layer_scale_reaches_resmlp():
    assert (small("resmlp", layer_scale=0.5).network.blocks[0].ls1 == 0.5).all()


@pytest.mark.parametrize(
    "fields",
    [
        {"family": "perceptron"},
        {"family": "mixer", "kernel_size": 3},
        {"family": "convmixer", "mlp_ratio": 4},
        {"dim": 0},
        {"dim": "64"},
        {"depth": True},
        {"kernel_size": 2.5},
        {"drop_rate": 1},
        {"drop_rate": "0.1"},
        {"family": "resmlp", "mlp_ratio": [1, 2]},
        {"family": "mixer", "mlp_ratio": [1, 2, 3]},
        {"family": "mixer", "mlp_ratio": -1},
        {"image_size": 30, "patch_size": 4},
        {"image_size": 4, "patch_size": 8},
    ],
)
def test_bad_config_raises_one_line(fields):
    with pytest.raises((ParameterError, GeometryError), match=r"^[^\n]+$"):
        IsotropicConfig(**fields)


@pytest.mark.parametrize("fields", [{"num_labels": 0}, {"problem_type": "multi_label_classification"}])
def test_only_single_label_classification(fields):
    with pytest.raises(ParameterError):
        IsotropicForImageClassification(IsotropicConfig(**SMALL["convmixer"], image_size=32, **fields))


# --- the loss -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        torch.tensor([0.0, 1.0]),
        torch.tensor([[0, 1, 0], [1, 0, 0]]),
        torch.tensor([[True, False, False], [False, True, False]]),
        torch.tensor([True, False]),
        torch.tensor([0, 1, 2]),
        torch.rand(2, 4),
    ],
)
def test_labels_that_do_not_fit_raise(labels):
    with pytest.raises(ParameterError, match=r"^labels of shape"):
        classification_loss(torch.zeros(2, 3), labels)


# --- build_model ----------------------------------------------------------------------------------------------------

NAMES = {0: "cat", 1: "dog", 2: "owl"}


@pytest.mark.parametrize(
    "labels",
    [
        {"id2label": NAMES},
        {"id2label": {str(index): name for index, name in NAMES.items()}},
        {"label2id": {name: str(index) for index, name in NAMES.items()}},
        {"num_labels": 3, "id2label": NAMES, "label2id": {name: index for index, name in NAMES.items()}},
    ],
)
def test_class_names_reach_the_config(labels):
    config = build_model("convmixer", image_size=32, **SMALL["convmixer"], **labels).config
    assert config.id2label == NAMES
    assert config.label2id == {"cat": 0, "dog": 1, "owl": 2}
    assert config.num_labels == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a new 'convmixer' needs num_labels or id2label"),
        ({"num_labels": 1}, "num_labels 1: a classifier needs 2 or more classes"),
        ({"num_labels": "10"}, "num_labels '10'"),
        ({"num_labels": 4, "id2label": NAMES}, "num_labels 4 contradicts the 3 classes"),
        ({"id2label": {0: "cat", 2: "dog"}}, "ids 0, 1"),
        ({"id2label": {0: "cat", 1: "cat"}}, "different names"),
        ({"id2label": NAMES, "label2id": {"cat": 1, "dog": 0, "owl": 2}}, "label2id contradicts id2label"),
        ({"num_labels": 3, "kernel": 3}, "model 'convmixer' has no field 'kernel'; it has depth, dim"),
        ({"num_labels": 3, "family": "mixer"}, "no field 'family'"),
        ({"num_labels": 3, "mlp_ratio": 4}, "no field 'mlp_ratio'"),
        ({"num_labels": 3, "image_size": 33, "patch_size": 2}, "33x33 is not a multiple"),
    ],
)
def test_bad_arguments_for_a_family_raise_one_line(arguments, message):
    with pytest.raises((ParameterError, GeometryError), match=message) as caught:
        build_model("convmixer", **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": 30}, "hidden_size 30 is not a multiple of num_attention_heads 12"),
        ({"image_size": 40}, "image_size 40 is not a multiple of patch_size 16"),
        ({"hidden_size": "32"}, "expected int, got str"),
        ({"dim": 32}, "model 'vit' has no field 'dim'"),
    ],
)
def test_bad_fields_for_vit_raise_one_line(fields, message):
    with pytest.raises((ParameterError, GeometryError), match=message) as caught:
        build_model("vit", 10, **fields)
    assert "\n" not in str(caught.value)


def test_preset_fields_can_be_overridden():
    config = build_model("convmixer-256/8", 10, depth=1, image_size=64).config
    assert (config.dim, config.depth, config.image_size) == (256, 1, 64)


def test_names_that_are_nothing_raise(tmp_path):
    with pytest.raises(
        ParameterError, match=r"cannot load a model from .*none of bag-vit-tiny/16, convmixer-256/8"
    ) as caught:
        build_model(str(tmp_path / "missing"))
    assert "\n" not in str(caught.value)


def test_a_name_is_registered_once():
    with pytest.raises(ParameterError, match="'vit-b/16' is registered already"):
        register_family("vit-b/16", IsotropicConfig, IsotropicForImageClassification)


@pytest.fixture
def checkpoint(tmp_path):
    model = small("convmixer").eval()
    model.save_pretrained(tmp_path)
    return str(tmp_path), model


def test_checkpoint_keeps_its_labels_and_weights(checkpoint):
    path, model = checkpoint
    loaded, x = build_model(path), images()
    assert loaded.config.num_labels == CLASSES
    assert torch.equal(loaded(x).logits, model(x).logits)


def test_checkpoint_gets_a_new_classifier_for_new_labels(checkpoint):
    path, model = checkpoint
    loaded = build_model(path, id2label=NAMES)
    assert loaded.config.id2label == NAMES
    assert loaded.network.head.weight.shape == (3, 32)
    assert_same(rest(loaded), rest(model))


def test_convmixer_checkpoint_changes_its_size(checkpoint):
    assert build_model(checkpoint[0], image_size=64).config.image_size == 64


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"dim": 64}, "does not fill 30 weights"),
        ({"depth": 3}, "does not fill 14 weights"),
        ({"patch_size": 8}, "does not fill 1 weights"),
        ({"patch_size": 0}, "patch_size 0"),
        ({"image_size": 33}, "33x33 is not a multiple"),
        ({"mlp_ratio": 4}, "has no 'mlp_ratio'"),
        ({"learning_rate": 4}, "has no field 'learning_rate'"),
    ],
)
def test_overrides_that_do_not_fit_a_checkpoint_raise(checkpoint, overrides, message):
    with pytest.raises((ParameterError, GeometryError), match=message):
        build_model(checkpoint[0], **overrides)


@pytest.mark.parametrize("family", ["mixer", "resmlp", "gmlp"])
def test_mlp_checkpoints_cannot_change_their_size(family, tmp_path):
    small(family).save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match="leave out the overrides or the image size"):
        build_model(str(tmp_path), image_size=64)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_vit_checkpoint_changes_its_size_by_interpolation(size, tmp_path):
    model, x = small("vit").eval(), images(2, size)
    model.save_pretrained(tmp_path / "old")
    resized = build_model(str(tmp_path / "old"), image_size=size)
    torch.testing.assert_close(resized(x).logits, model(x, interpolate_pos_encoding=True).logits)
    resized.save_pretrained(tmp_path / "new")
    reloaded = AutoModelForImageClassification.from_pretrained(tmp_path / "new")
    assert reloaded.config.image_size == size
    assert torch.equal(reloaded(x).logits, resized(x).logits)
    with pytest.raises(GeometryError, match="not a multiple of patch_size 8"):
        build_model(str(tmp_path / "old"), image_size=size + 4)


def test_vit_without_a_classifier_needs_labels(tmp_path):
    """As google/vit-base-patch16-224-in21k: a backbone with a pooler and no classifier."""
    config = ViTConfig(**SMALL["vit"], image_size=32)
    backbone = ViTModel(config)
    backbone.save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match="has no classifier; give num_labels or id2label"):
        build_model(str(tmp_path))
    model = build_model(str(tmp_path), 10, image_size=64)
    assert model.classifier.weight.shape == (10, 32)
    assert torch.equal(model.vit.layers[1].mlp.fc1.weight, backbone.layers[1].mlp.fc1.weight)
    assert model.config.image_size == 64
