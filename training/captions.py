"""Captions of the drawn clips: the exact grammar, paraphrases of it, and the same in Chinese."""

from __future__ import annotations

from random import Random

from training.shapes import Labels

EMPTY_SHARE, EXACT_SHARE, CHINESE_SHARE = 0.10, 0.45, 0.15

_SHAPES = {
    "circle": ("circle", "circle", "ball", "disc", "dot", "round shape"),
    "square": ("square", "square", "box", "block", "cube"),
    "triangle": ("triangle", "triangle", "pyramid", "triangular shape"),
    "star": ("star", "star", "five-pointed star", "pentagram"),
}
_COLORS = {
    "red": ("red", "red", "crimson"),
    "green": ("green", "green", "emerald"),
    "blue": ("blue", "blue", "royal blue"),
    "yellow": ("yellow", "yellow", "golden"),
    "purple": ("purple", "purple", "violet"),
    "orange": ("orange", "orange", "tangerine"),
    "white": ("white", "white", "snow-white"),
    "cyan": ("cyan", "cyan", "turquoise", "teal"),
}
_BACKGROUNDS = {
    "black": ("black", "black", "dark black"),
    "gray": ("gray", "gray", "grey"),
    "navy": ("navy", "navy", "dark blue", "navy blue"),
    "sand": ("sand", "sand", "beige", "sandy"),
}
_STYLES = {
    "plain": ("", "", "plain ", "solid "),
    "gradient": ("gradient ", "graded ", "shaded "),
    "textured": ("textured ", "noisy ", "rough "),
}
# Participles follow the noun; finite forms make a sentence of it.
_PARTICIPLES = {
    "moving right": (
        "moving right", "moving to the right", "going right", "drifting to the right",
        "sliding right", "flying right", "moving from left to right",
    ),
    "moving left": (
        "moving left", "moving to the left", "going left", "drifting to the left",
        "sliding left", "flying left", "moving from right to left",
    ),
    "moving up": (
        "moving up", "moving upwards", "going up", "rising", "floating up", "climbing",
    ),
    "moving down": (
        "moving down", "moving downwards", "going down", "falling", "sinking", "dropping",
    ),
    "growing": ("growing", "getting bigger", "becoming larger", "expanding", "swelling"),
    "shrinking": ("shrinking", "getting smaller", "becoming smaller", "contracting"),
    "spinning": ("spinning", "rotating", "turning around", "turning", "twirling"),
    "standing still": (
        "standing still", "staying still", "not moving", "at rest", "motionless", "resting",
    ),
}  # fmt: skip
_VERBS = {
    "moving right": (
        "moves right", "moves to the right", "goes right", "drifts to the right",
        "slides to the right", "flies right",
    ),
    "moving left": (
        "moves left", "moves to the left", "goes left", "drifts to the left",
        "slides to the left", "flies left",
    ),
    "moving up": ("moves up", "goes up", "rises", "floats up", "climbs", "moves upwards"),
    "moving down": ("moves down", "goes down", "falls", "sinks", "drops", "moves downwards"),
    "growing": ("grows", "gets bigger", "becomes larger", "expands", "swells"),
    "shrinking": ("shrinks", "gets smaller", "becomes smaller", "contracts"),
    "spinning": ("spins", "rotates", "turns", "turns around", "twirls"),
    "standing still": ("stands still", "stays still", "does not move", "rests", "stays put"),
}  # fmt: skip
_ZH_COLORS = {
    "red": "红色",
    "green": "绿色",
    "blue": "蓝色",
    "yellow": "黄色",
    "purple": "紫色",
    "orange": "橙色",
    "white": "白色",
    "cyan": "青色",
}
_ZH_SHAPES = {
    "circle": ("圆形", "圆", "球"),
    "square": ("正方形", "方块", "方形"),
    "triangle": ("三角形",),
    "star": ("星星", "五角星", "星形"),
}
_ZH_MOTIONS = {
    "moving right": ("向右移动", "往右移动", "从左向右移动"),
    "moving left": ("向左移动", "往左移动", "从右向左移动"),
    "moving up": ("向上移动", "往上移动", "上升"),
    "moving down": ("向下移动", "往下移动", "下落"),
    "growing": ("变大", "放大", "越来越大"),
    "shrinking": ("变小", "缩小", "越来越小"),
    "spinning": ("旋转", "转动"),
    "standing still": ("静止", "不动", "静止不动"),
}
_ZH_BACKGROUNDS = {"black": "黑色", "gray": "灰色", "navy": "深蓝色", "sand": "沙色"}
_ZH_STYLES = {"plain": "", "gradient": "渐变", "textured": "有纹理的"}
_ZH_MEASURE = {"circle": "个", "square": "个", "triangle": "个", "star": "颗"}

_ORDERS = (
    "{a} {c} {s} {p}{on}",
    "{a} {c} {s} {p}{on}",
    "{a} {c} {s} {v}{on}",
    "{a} {c} {s} that {v}{on}",
    "the {c} {s} {v}{on}",
    "{c} {s} {p}{on}",
    "{c} {s}, {p}{with}",
    "{a} {s}, {c}, {p}{on}",
    "{lead}{a} {c} {s} {v}",
    "{lead}{a} {c} {s} {p}",
    "{a} {s} that is {c} {v}{on}",
    "{a} video of {a} {c} {s} {p}{on}",
)


def exact(labels: Labels) -> str:
    """The caption of the issue's grammar, with its style word where the ground is not plain."""
    return (
        f"a {labels.color} {labels.shape} {labels.motion} "
        f"on a {_style(labels)}{labels.background} background"
    )


def _style(labels: Labels) -> str:
    return "" if labels.style == "plain" else f"{labels.style} "


def random_caption(labels: Labels, rng: Random) -> str:
    """A caption drawn afresh: empty, exact, a paraphrase, or Chinese."""
    kind = rng.random()
    if kind < EMPTY_SHARE:
        return ""
    if kind < EMPTY_SHARE + EXACT_SHARE:
        return exact(labels)
    if kind < EMPTY_SHARE + EXACT_SHARE + CHINESE_SHARE:
        return chinese(labels, rng)
    return paraphrase(labels, rng)


def paraphrase(labels: Labels, rng: Random) -> str:
    """Another wording; one in six leaves out the background, one in twelve the motion."""
    ground = rng.choice(_STYLES[labels.style]) + rng.choice(_BACKGROUNDS[labels.background])
    words = {
        "a": "a",
        "c": rng.choice(_COLORS[labels.color]),
        "s": rng.choice(_SHAPES[labels.shape]),
        "p": rng.choice(_PARTICIPLES[labels.motion]),
        "v": rng.choice(_VERBS[labels.motion]),
        "on": rng.choice((" on a {} background", " in front of a {} background", " on {}")),
        "with": ", {} background",
        "lead": rng.choice(("on a {} background, ", "{} background: ", "in front of {}, ")),
    }
    order = rng.choice(_ORDERS)
    if rng.random() < 1 / 6:
        words |= {"on": "", "with": "", "lead": ""}
    if rng.random() < 1 / 12:
        words, order = words | {"p": ""}, "{a} {c} {s}{on}"
    text = order.format(**{key: value.format(ground) for key, value in words.items()})
    return text + rng.choice(("", "", "."))


def chinese(labels: Labels, rng: Random) -> str:
    """The sentence in Chinese; one in six leaves out the background."""
    color, motion = _ZH_COLORS[labels.color], rng.choice(_ZH_MOTIONS[labels.motion])
    shape, unit = rng.choice(_ZH_SHAPES[labels.shape]), _ZH_MEASURE[labels.shape]
    ground = _ZH_STYLES[labels.style] + _ZH_BACKGROUNDS[labels.background]
    thing = rng.choice(
        (f"一{unit}{color}的{shape}", f"一{unit}{color}{shape}", f"{color}的{shape}")
    )
    if rng.random() < 1 / 6:
        return thing + motion
    place = rng.choice((f"{ground}背景上", f"在{ground}背景上", f"{ground}的背景上"))
    return rng.choice(
        (f"{place}，{thing}{motion}", f"{place}{thing}{motion}", f"{thing}在{ground}背景上{motion}")
    )
