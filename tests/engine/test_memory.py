"""The memory policy: its ladder, its figures against published ones, its words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import memory_table
from tests.makers import request
from wan_demo import catalog
from wan_demo.catalog.proposals import BEST_FIRST
from wan_demo.domain.model import Weights
from wan_demo.domain.request import Task
from wan_demo.domain.source import Source
from wan_demo.engine.memory import (
    GIB,
    GROUP_OFFLOAD,
    Clip,
    Home,
    Machine,
    Precision,
    Profile,
    best_for,
    decide,
    decide_for,
    ladder,
    lower,
    needs,
    offers,
    sizes,
)
from wan_demo.engine.memory.gguf import bits_by_name
from wan_demo.errors import DoesNotFit, InvalidRequest

NO_GPU = Machine("cpu", 0, 0, 16 * GIB, 12 * GIB, 100 * GIB, has_bf16=False)
MAC = Machine("mps", 48 * GIB, 48 * GIB, 64 * GIB, 56 * GIB, 100 * GIB)
MODELS = pytest.mark.parametrize("spec", catalog.MODELS, ids=lambda spec: spec.id)


def card(gpu: float, ram: float, disk: float = 500, **changes: Any) -> Machine:
    """A machine of which this much is free, in GB."""
    free = {"gpu_free": int(gpu * GIB), "ram_free": int(ram * GIB), "disk_free": int(disk * GIB)}
    totals = {"gpu_total": int((gpu + 1) * GIB), "ram_total": int((ram + 4) * GIB)}
    fields: dict[str, Any] = {"device": "cuda", "has_fp8": True, **free, **totals, **changes}
    return Machine(**fields)


def clip_of(spec, resolution=None) -> Clip:
    width, height = next(iter(resolution.sizes.values())) if resolution else spec.defaults.size
    return Clip(width, height, spec.defaults.num_frames)


def decided(model: str, machine: Machine, size=(832, 480, 81), **pinned):
    return decide(catalog.find(model), machine, *size, **pinned)


def place(decision) -> int:
    """How far down the ladder a decision is."""
    return list(ladder(decision.spec, decision.machine)).index(decision.rung)


GIGABYTES = st.floats(0, 120)
SPECS = st.sampled_from([spec for spec in catalog.MODELS if not spec.bundled])


@st.composite
def situations(draw):
    """A model, one of its sizes, some frames, and a machine of any kind."""
    spec = draw(SPECS)
    resolution = draw(st.sampled_from(spec.resolutions))
    width, height = draw(st.sampled_from(sorted(resolution.sizes.values())))
    frames = draw(st.integers(1, spec.limits.max_frames // 4)) * 4 + 1
    machine = card(
        *(draw(GIGABYTES) for _ in range(3)),
        device=draw(st.sampled_from(("cuda", "cuda", "cuda", "mps", "cpu"))),
        has_bf16=draw(st.booleans()),
        has_torchao=draw(st.booleans()),
    )
    return spec, machine, (width, height, frames)


@given(situations())
def test_a_decision_never_needs_more_than_is_free(situation):
    spec, machine, size = situation
    try:
        decision = decide(spec, machine, *size, others=())
    except DoesNotFit:
        return
    need = decision.needs
    assert max(need.encode, need.denoise, need.decode) <= machine.free
    assert need.ram <= machine.ram_free
    assert need.disk <= machine.disk_free
    assert decision.warning is None


@given(situations(), st.tuples(GIGABYTES, GIGABYTES, GIGABYTES))
def test_more_memory_never_gives_a_slower_rung(situation, more):
    spec, machine, size = situation
    try:
        before = decide(spec, machine, *size, others=())
    except DoesNotFit:
        return
    gpu, ram, disk = (int(count * GIB) for count in more)
    larger = replace(
        machine,
        gpu_free=machine.gpu_free + gpu,
        ram_free=machine.ram_free + ram,
        disk_free=machine.disk_free + disk,
    )
    assert place(decide(spec, larger, *size, others=())) <= place(before)


@given(situations())
def test_each_lower_rung_needs_less_until_there_is_none(situation):
    spec, machine, size = situation
    try:
        decision = decide(spec, machine, *size, others=())
    except DoesNotFit:
        return
    chain = [decision]
    while (decision := lower(decision)) is not None:
        chain.append(decision)
        assert len(chain) < 20
    for above, below in pairwise(chain):
        assert below.needs.denoise < above.needs.denoise
        assert below.needs.device <= above.needs.device
        assert place(below) > place(above)
        assert below.needs.fit(machine)


@MODELS
def test_every_model_runs_on_24_gb_with_64_gb_of_ram(spec):
    machine = memory_table.card(24, 64)
    for each in offers([spec], machine):
        assert each.fits, each.resolution
        assert each.rung is not None
        assert each.rung.profile not in (Profile.SEQUENTIAL, Profile.DISK)


@MODELS
def test_without_bf16_it_computes_in_fp16_and_the_vae_in_fp32(spec):
    for rung in ladder(spec, card(24, 64, has_bf16=False)):
        assert rung.dtype == "float16"
        assert rung.vae_dtype == "float32"


@MODELS
def test_the_cpu_is_a_device_in_its_own_right(spec):
    rungs = list(ladder(spec, replace(NO_GPU, has_bf16=True)))
    assert {rung.dtype for rung in rungs} == {"float32", "bfloat16"}
    assert {rung.profile for rung in rungs} == {Profile.RESIDENT, Profile.IN_TURN}
    assert rungs[0].dtype == "float32"
    assert {rung.dtype for rung in ladder(spec, NO_GPU)} == {"float32"}


EXAMPLES = (
    ("wan-tiny", 8, 32, "resident, bf16"),
    ("wan2.1-t2v-1.3b", 8, 32, "encoder_streamed, bf16, VAE in bfloat16"),
    ("wan2.1-t2v-1.3b", 16, 64, "encoders_away, bf16"),
    ("wan2.1-t2v-1.3b", 48, 128, "resident, bf16"),
    ("wan2.2-ti2v-5b", 8, 32, "group_offload_lean, bf16, VAE in bfloat16, tiled"),
    ("wan2.2-ti2v-5b", 24, 64, "model_offload, bf16, VAE in bfloat16"),
    ("wan2.2-ti2v-5b", 80, 256, "resident, bf16"),
    ("wan2.1-t2v-14b", 16, 64, "group_offload_lean, bf16"),
    ("wan2.1-t2v-14b", 16, 128, "group_offload, bf16"),
    ("wan2.1-t2v-14b", 48, 128, "encoders_away, bf16"),
    ("wan2.1-t2v-14b-gguf", 8, 32, "group_offload_lean, gguf, VAE in bfloat16"),
    ("wan2.1-t2v-14b-gguf", 16, 64, "model_offload, gguf"),
    ("wan2.2-t2v-a14b", 16, 64, "group_offload_lean, fp8"),
    ("wan2.2-t2v-a14b", 24, 64, "model_offload, fp8"),
    ("wan2.2-t2v-a14b", 48, 128, "model_offload, bf16"),
    ("wan2.2-t2v-a14b", 80, 256, "resident, bf16"),
)


@pytest.mark.parametrize(("model", "gpu", "ram", "rung"), EXAMPLES)
def test_what_a_card_gets(model, gpu, ram, rung):
    clip = clip_of(catalog.find(model))
    size = (clip.width, clip.height, clip.frames)
    assert decided(model, memory_table.card(gpu, ram), size).rung.name == rung


def test_the_table_of_the_readme_names_each_cards_best_model():
    lines = list(memory_table.proposals())
    assert [line.split(" | ")[2] for line in lines[2:]] == [
        "Wan2.1 T2V 1.3B",
        "Wan2.2 T2V A14B GGUF Q4",
        "Wan2.2 T2V A14B",
        "Wan2.2 T2V A14B",
        "Wan2.2 T2V A14B",
    ]
    assert len(list(memory_table.everything())) == 2 + sum(
        len(spec.resolutions) for spec in catalog.MODELS
    )


def test_proposals_are_of_the_catalogue_and_make_videos_from_text():
    for model in BEST_FIRST:
        assert Task.TEXT_TO_VIDEO in catalog.find(model).tasks


@pytest.mark.parametrize("machine", [NO_GPU, MAC, card(1, 4)])
def test_the_bundled_model_is_proposed_where_no_other_runs_well(machine):
    assert best_for(machine) is catalog.BUNDLED


def test_a_proposal_neither_streams_nor_reads_the_disk():
    for gpu in range(2, 100, 2):
        machine = card(gpu, 96)
        (first, *_) = offers([best_for(machine)], machine)
        assert first.is_comfortable


# Published figures. What is compared is said where it is reckoned, in sizes.py.


@pytest.mark.parametrize(
    ("model", "size", "length"),
    [
        ("wan2.1-t2v-1.3b", (832, 480, 81), 32_760),
        ("wan2.2-t2v-a14b", (1280, 720, 81), 75_600),
        ("wan2.2-ti2v-5b", (1280, 704, 121), 27_280),
    ],
)
def test_the_sequence_is_as_long_as_the_models_own(model, size, length):
    assert sizes.tokens(catalog.find(model), Clip(*size)) == length


def test_a_reference_is_a_latent_frame_more():
    clip = Clip(832, 480, 81)
    with_two = replace(clip, references=2)
    spec = catalog.find("wan2.1-vace-1.3b")
    a_frame = sizes.tokens(spec, clip) // 21
    assert sizes.tokens(spec, with_two) == sizes.tokens(spec, clip) + 2 * a_frame
    wanted = request(model=spec.id, width=832, height=480, num_frames=81)
    more = wanted.model_copy(update={"reference_images": ("r", "r")})
    alone, beside = (decide_for(each, spec, card(24, 64)).needs for each in (wanted, more))
    assert beside.denoise > alone.denoise
    assert beside.decode == alone.decode


def resident(model: str):
    spec = catalog.find(model)
    return spec, next(ladder(spec, card(80, 256)))


def test_a_clip_in_windows_is_denoised_like_one_window():
    spec, rung = resident("wan2.1-t2v-1.3b")
    whole = needs(spec, rung, Clip(832, 480, 81))
    long = needs(spec, rung, Clip(832, 480, 241))
    assert long.denoise == whole.denoise
    assert long.decode > whole.decode


def test_vace_holds_more_of_a_long_clip_while_it_encodes_than_of_the_decoded_one():
    spec, rung = resident("wan2.1-vace-1.3b")
    edit, text = (Clip(832, 480, 321, task) for task in (Task.VIDEO_TO_VIDEO, Task.TEXT_TO_VIDEO))
    assert needs(spec, rung, edit).decode > needs(spec, rung, text).decode
    assert needs(spec, rung, edit).denoise == needs(spec, rung, replace(edit, frames=81)).denoise
    assert needs(spec, rung, replace(edit, task=None)) == needs(spec, rung, edit)


def test_vaces_blocks_count_for_streaming_and_their_hints_for_a_pass():
    plain, rung = resident("wan2.1-t2v-1.3b")
    vace, clip = catalog.find("wan2.1-vace-1.3b"), Clip(832, 480, 81)
    assert sizes.block(vace, rung) == pytest.approx(sizes.block(plain, rung), rel=0.1)
    hint = sizes.tokens(vace, clip) * 1536 * 2
    more = sizes.denoising(vace, clip, rung) - sizes.denoising(plain, clip, rung)
    assert more == pytest.approx(16 * hint)  # of each of 15 blocks, and the stream itself


def test_decoding_480p_takes_what_wan21_says_its_smallest_model_does():
    spec, rung = resident("wan2.1-t2v-1.3b")
    found = sizes.decoding(spec, Clip(832, 480, 81), rung) + sizes.weights(spec, "vae", rung)
    assert found / GIB == pytest.approx(8.19, rel=0.1)


def test_decoding_720p_of_the_5b_takes_what_was_measured():
    spec = catalog.find("wan2.2-ti2v-5b")
    order = ladder(spec, card(80, 256), Profile.MODEL_OFFLOAD)
    assert needs(spec, next(order), Clip(1280, 704, 121)).decode / GIB == pytest.approx(26, rel=0.1)


def test_the_whole_text_encoder_makes_up_the_13_gb_of_diffusers_example_of_group_offloading():
    spec = catalog.find("wan2.1-t2v-14b")
    order = ladder(spec, card(80, 256), Profile.MODEL_OFFLOAD)
    assert needs(spec, next(order), Clip(832, 480, 81)).encode / 1e9 == pytest.approx(13, rel=0.1)


def test_the_pinned_copy_of_both_experts_takes_about_80_gb():
    spec, rung = resident("wan2.2-t2v-a14b")
    assert 2 * sizes.pinned(spec, "transformer", rung) / GIB == pytest.approx(80, rel=0.05)


def test_a14b_on_the_gpu_needs_the_80_gb_card_of_its_readme():
    assert decided("wan2.2-t2v-a14b", memory_table.card(80, 256)).rung.profile is Profile.RESIDENT
    assert decided("wan2.2-t2v-a14b", card(64, 256)).rung.profile is not Profile.RESIDENT


@pytest.mark.parametrize(
    ("file", "size", "count"),
    [
        ("Wan2.2-T2V-A14B-HighNoise-Q4_K_M.gguf", 9_650_090_496, 14_288_491_584),
        ("Wan2.2-I2V-A14B-HighNoise-Q8_0.gguf", 15_406_608_896, 14_288_901_184),
        ("Wan2.1_14B_VACE-Q4_K_M.gguf", 11_629_623_072, 17_337_592_896),
    ],
)
def test_a_gguf_file_is_reckoned_by_its_name_as_large_as_it_is(file, size, count):
    assert bits_by_name(file) * count / 8 == pytest.approx(size, rel=0.02)


def test_a_gguf_file_whose_name_tells_nothing_is_taken_for_a_large_one():
    assert (
        bits_by_name("model.gguf") > bits_by_name("model-Q6_K.gguf") > bits_by_name("m-Q5_0.gguf")
    )
    plain = catalog.find("wan2.1-t2v-14b")
    own = Weights(plain.weights.base, replaced={"transformer": Source("a/b", "main", ("m.gguf",))})
    rungs = list(ladder(replace(plain, weights=own), card(24, 64)))
    assert {rung.precision for rung in rungs} == {Precision.GGUF}


def test_guidance_of_a_picture_by_timestep_costs_memory_and_text_alone_does_not():
    spec, rung = resident("wan2.2-ti2v-5b")
    text = Clip(1280, 704, 121, Task.TEXT_TO_VIDEO)
    picture = replace(text, task=Task.IMAGE_TO_VIDEO)
    assert sizes.denoising(spec, picture, rung) > 2 * sizes.denoising(spec, text, rung)
    assert sizes.denoising(spec, replace(text, task=None), rung) == sizes.denoising(
        spec, picture, rung
    )


def test_streaming_takes_less_of_the_card_and_more_of_the_ram():
    spec = catalog.find("wan2.1-t2v-14b")
    by_profile = {
        profile: needs(spec, next(ladder(spec, card(80, 256), profile)), Clip(832, 480, 81))
        for profile in Profile
    }
    order = [by_profile[profile].denoise for profile in (Profile.RESIDENT, Profile.MODEL_OFFLOAD)]
    streamed = by_profile[Profile.GROUP_OFFLOAD]
    assert order == sorted(order, reverse=True)
    assert streamed.denoise < by_profile[Profile.MODEL_OFFLOAD].denoise / 4
    assert streamed.ram > by_profile[Profile.GROUP_OFFLOAD_LEAN].ram * 1.5
    assert by_profile[Profile.DISK].ram < by_profile[Profile.SEQUENTIAL].ram
    assert by_profile[Profile.DISK].disk > 35 * GIB
    assert {need.disk for profile, need in by_profile.items() if profile is not Profile.DISK} == {0}


def test_two_experts_need_the_ram_of_both_and_the_card_of_one():
    one, two = catalog.find("wan2.1-t2v-14b"), catalog.find("wan2.2-t2v-a14b")
    clip, machine = Clip(832, 480, 81), card(80, 256)
    pair = [
        needs(spec, next(ladder(spec, machine, Profile.MODEL_OFFLOAD)), clip) for spec in (one, two)
    ]
    assert pair[0].denoise == pair[1].denoise
    assert pair[1].ram - pair[0].ram == 2 * 14_288_491_584


def test_without_fused_attention_a_mac_needs_far_more():
    spec = catalog.find("wan2.1-t2v-1.3b")
    clip = Clip(832, 480, 81)
    mac, nvidia = next(ladder(spec, MAC)), next(ladder(spec, card(80, 256)))
    assert sizes.denoising(spec, clip, mac) > 30 * sizes.denoising(spec, clip, nvidia)


def test_every_streaming_home_has_its_arguments():
    homes = {home for home in Home if home not in (Home.DEVICE, Home.STAGE, Home.DISK)}
    assert set(GROUP_OFFLOAD) == homes
    for arguments in GROUP_OFFLOAD.values():
        assert ("num_blocks_per_group" in arguments) == (arguments["offload_type"] == "block_level")


# What a person pins.


def test_a_pinned_profile_is_obeyed_with_a_warning_where_it_is_too_tight():
    decision = decided("wan2.1-t2v-14b", card(14.9, 60), profile=Profile.MODEL_OFFLOAD)
    assert decision.rung.profile is Profile.MODEL_OFFLOAD
    assert decision.sentence == (
        "Wan2.1 T2V 14B in fp8 at 832x480x81, as you chose: its parts take turns on the GPU and "
        "its weights are kept in fp8, a little less exact (18.1 GB)."
    )
    assert decision.warning == (
        "As you chose model_offload, fp8, Wan2.1 T2V 14B needs 18.1 GB on the GPU, where 14.9 GB "
        "are free: it may run out of memory."
    )


def test_a_pinned_precision_is_kept_when_memory_runs_out():
    decision = decided("wan2.1-t2v-14b", memory_table.card(24, 64), precision=Precision.FP8)
    assert decision.warning is None
    below = lower(decision)
    assert below is not None
    assert below.rung.precision is Precision.FP8
    assert below.sentence.startswith("Out of memory: again with ")


@pytest.mark.parametrize(
    ("model", "machine", "pinned", "said"),
    [
        ("wan-tiny", NO_GPU, {"precision": Precision.FP8}, "on the CPU can be kept in fp32"),
        ("wan-tiny", MAC, {"precision": Precision.FP8}, "bf16, fp16, fp32"),
        ("wan-tiny", card(24, 64), {"precision": Precision.INT8}, "bf16, fp16, fp32, fp8"),
        ("wan-tiny", card(24, 64), {"precision": Precision.GGUF}, "precision: "),
        ("wan2.1-t2v-14b-gguf", card(24, 64), {"precision": Precision.BF16}, "kept in gguf"),
        ("wan-tiny", card(8, 8, has_bf16=False), {"precision": Precision.BF16}, "precision: "),
        ("wan-tiny", NO_GPU, {"profile": Profile.GROUP_OFFLOAD}, "one of resident, in_turn"),
        (
            "wan-tiny",
            card(24, 64, has_torchao=True),
            {"profile": Profile.DISK, "precision": Precision.INT8},
            "can't be kept on the disk",
        ),
    ],
)
def test_the_impossible_is_refused_and_what_is_possible_named(model, machine, pinned, said):
    with pytest.raises(InvalidRequest, match=said):
        decided(model, machine, **pinned)


def test_torchao_serves_where_it_is_installed():
    machine = card(24, 64, has_torchao=True)
    for precision in (Precision.INT8, Precision.FLOAT8):
        assert decided("wan2.1-t2v-14b", machine, precision=precision).rung.precision is precision
    cpu = replace(NO_GPU, has_torchao=True)
    assert Precision.INT8 in {rung.precision for rung in ladder(catalog.BUNDLED, cpu)}


# What nothing can be done about.


@pytest.mark.parametrize(
    ("model", "machine", "size", "said"),
    [
        (
            "wan2.1-vace-14b",
            card(15.3, 60),
            (1280, 720, 81),
            "Wan2.1 VACE 14B does not fit at 1280x720x81: it needs 16.2 GB on the GPU, where "
            "15.3 GB are free. It fits at 1280x720x45.",
        ),
        (
            "wan2.1-t2v-14b",
            card(7.3, 28),
            (832, 480, 81),
            "Wan2.1 T2V 14B does not fit at 832x480x81: it needs 29.6 GB of RAM, where 28.0 GB "
            "are free. Wan2.1 T2V 14B GGUF Q4 fits.",
        ),
        (
            "wan2.1-t2v-1.3b",
            NO_GPU,
            (832, 480, 81),
            "Wan2.1 T2V 1.3B does not fit at 832x480x81: it needs 22.3 GB of memory, where "
            "12.0 GB are free. Wan Tiny VACE fits.",
        ),
    ],
)
def test_a_refusal_names_what_is_missing_and_what_would_fit(model, machine, size, said):
    with pytest.raises(DoesNotFit) as caught:
        decided(model, machine, size)
    assert str(caught.value) == said


def test_a_machine_for_nothing_is_told_so():
    with pytest.raises(DoesNotFit, match=r"No other model fits either\.$"):
        decided("wan2.1-t2v-1.3b", card(0.1, 0.1), others=[catalog.find("wan2.1-t2v-14b")])


@pytest.mark.parametrize("machine", [replace(NO_GPU, ram_free=0, disk_free=0), card(0, 0, 0)])
def test_the_bundled_model_is_run_whole_whatever_is_free(machine):
    decision = decided("wan-tiny", machine, (96, 96, 17))
    assert decision.rung == next(ladder(catalog.BUNDLED, machine))
    assert decision.warning is None
    assert all(offer.fits for offer in offers([catalog.BUNDLED], machine))


def test_a_pinned_choice_is_warned_of_for_the_smallest_too():
    decision = decided("wan-tiny", card(0, 0, 0), (96, 96, 17), profile=Profile.RESIDENT)
    assert decision.warning is not None


# The words.


@pytest.mark.parametrize(
    ("model", "machine", "size", "said"),
    [
        (
            "wan2.1-t2v-1.3b",
            memory_table.card(48, 128),
            (832, 480, 81),
            "Wan2.1 T2V 1.3B in bf16 needs 23.7 GB at 832x480x81 and your 48 GB card has 47.3 GB "
            "free: everything stays on the GPU.",
        ),
        (
            "wan2.1-i2v-14b-480p",
            memory_table.card(48, 128),
            (832, 480, 81),
            "Wan2.1 I2V 14B 480p in bf16 needs 53.9 GB at 832x480x81; your 48 GB card has 47.3 GB "
            "free, so the encoders leave after encoding (42.7 GB).",
        ),
        (
            "wan2.2-t2v-a14b",
            memory_table.card(24, 64),
            (832, 480, 81),
            "Wan2.2 T2V A14B in bf16 needs 74.3 GB at 832x480x81; your 24 GB card has 23.3 GB free "
            "and your machine 60.0 GB of RAM, so its parts take turns on the GPU and its weights "
            "are kept in fp8, a little less exact (18.1 GB).",
        ),
        (
            "wan2.2-ti2v-5b",
            memory_table.card(16, 64),
            (1280, 704, 121),
            "Wan2.2 TI2V 5B in bf16 needs 47.4 GB at 1280x704x121; your 16 GB card has 15.3 GB "
            "free, so the transformer's blocks stream in from memory and the frames are decoded "
            "in bf16 (14.2 GB).",
        ),
        (
            "wan2.1-t2v-14b-gguf",
            memory_table.card(48, 128),
            (832, 480, 81),
            "Wan2.1 T2V 14B GGUF Q4 needs 30.0 GB at 832x480x81 and your 48 GB card has 47.3 GB "
            "free: everything stays on the GPU.",
        ),
        (
            "wan-tiny",
            NO_GPU,
            (96, 96, 17),
            "Wan Tiny in fp32 needs 0.9 GB at 96x96x17 and your machine has 12.0 GB of memory "
            "free: everything stays in memory.",
        ),
    ],
)
def test_a_decision_says_what_and_why(model, machine, size, said):
    assert decided(model, machine, size).sentence == said
