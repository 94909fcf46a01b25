from __future__ import annotations

import pytest

from wan_demo.domain.source import Source
from wan_demo.errors import DownloadFailed
from wan_demo.hub.selection import wanted

SOURCE = Source("tiny/wan")
NEEDED = [
    "model_index.json",
    "README.md",
    "LICENSE.txt",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model-00001-of-00002.safetensors",
    "text_encoder/model-00002-of-00002.safetensors",
    "text_encoder/model.safetensors.index.json",
    "tokenizer/special_tokens_map.json",
    "tokenizer/spiece.model",
    "tokenizer/vocab.txt",
]


def test_of_a_diffusers_repo_what_the_pipeline_reads():
    others = [
        *("config.json", "Wan2.1_VAE.pth", "diffusion_pytorch_model.safetensors", "run.py"),
        *("assets/logo.png", "text_encoder/pytorch_model.bin", "text_encoder/modeling.py"),
        *("text_encoder/model.onnx", "examples/deep/config.json", ".gitattributes"),
    ]
    assert wanted(SOURCE, others + NEEDED) == NEEDED


def test_plain_weights_come_before_variants():
    plain = ["vae/model.safetensors", "vae/model.safetensors.index.json"]
    variants = [
        *("vae/model.fp16.safetensors", "vae/model.fp16-00001-of-00002.safetensors"),
        *("vae/model-00001-of-00002.fp16.safetensors", "vae/model.safetensors.index.fp16.json"),
    ]
    only = ["unet/config.json", "unet/model.fp16.safetensors"]
    chosen = wanted(SOURCE, [*variants, *plain, *only, "model_index.json"])
    assert chosen == [*plain, *only, "model_index.json"]


def test_patterns_choose_among_all_folders():
    source = Source("tiny/gguf", patterns=("*Q4_K*.gguf", "loras/high.safetensors"))
    paths = ["a/x-Q4_K_M.gguf", "x-Q8_0.gguf", "loras/high.safetensors", "loras/low.safetensors"]
    assert wanted(source, paths) == ["a/x-Q4_K_M.gguf", "loras/high.safetensors"]


@pytest.mark.parametrize("kind", "bin pt pth ckpt pkl py onnx so sh h5 npy zip PT".split())
def test_code_and_pickles_never_come_whatever_is_asked_for(kind):
    with pytest.raises(DownloadFailed, match=r"has no \*"):
        wanted(Source("tiny/bad", patterns=("*",)), [f"weights.{kind}"])


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/etc/model.json",
            "../model.json",
            "a/../../model.json",
            "a/..",
            "./a.json",
            "a//b.json",
        ),
        *("..\\model.json", "a\\b.json", "C:/model.json", "c:model.json", "a\0.json"),
        *("a//b.json", "a\n.json", "a\x1b[31m.json", "a\u202eb.json", "", "a/"),
    ],
)
def test_a_hostile_name_refuses_the_repo(path):
    with pytest.raises(DownloadFailed, match="tiny/wan lists a file name that is not safe"):
        wanted(SOURCE, [*NEEDED, path])


@pytest.mark.parametrize(
    "path",
    ["con.json", "vae/AUX.json", "com1/x.json", "ab:c.json", "a./b.json", "a /b.json", "x" * 300],
)
def test_a_name_that_some_system_cannot_keep_is_refused_where_it_is_wanted(path):
    path = path if path.endswith(".json") else f"{path}.json"
    source = Source("tiny/wan", patterns=("*.json",))
    with pytest.raises(DownloadFailed, match="can't be kept"):
        wanted(source, [*NEEDED, path])


def test_a_name_that_nobody_wants_may_be_any_that_is_safe():
    assert wanted(SOURCE, [*NEEDED, "samples/2025-01-01 10:00:00.png"]) == NEEDED


def test_names_that_differ_only_in_case_are_one_on_some_disks():
    with pytest.raises(DownloadFailed, match="two files of the same name"):
        wanted(SOURCE, [*NEEDED, "Tokenizer/vocab.txt"])


def test_what_is_no_checkpoint_is_refused_before_a_byte():
    with pytest.raises(DownloadFailed, match="no diffusers checkpoint: it has no model_index"):
        wanted(SOURCE, ["README.md", "model.safetensors"])


def test_pickled_weights_alone_are_refused_by_name():
    paths = ["model_index.json", "vae/config.json", "vae/pytorch_model.bin"]
    with pytest.raises(DownloadFailed, match=r"no safetensors weights in vae/; pytorch_model.bin"):
        wanted(SOURCE, paths)
