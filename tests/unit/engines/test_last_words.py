"""Why a program ended, told from its code and what it wrote."""

import pytest

from readstone.engines.last_words import ending, reason

LLAMA = """\
--- llama-server --model error: this is the command
0.00.065.336 I srv    load_model: loading model '/models/a.gguf'
0.00.065.400 E gguf_init_from_reader: failed to read tensor info
0.00.065.421 E llama_model_load: error loading model: tensor 'blk.0' data is not within the file bounds
0.00.065.522 E common_fit_params: encountered an error while trying to fit params: failed to load model
0.00.065.621 E srv          init: exiting due to model loading error
Failed to init server, please check the input params.
"""
VLLM = """\
(EngineCore pid=7) INFO 11-21 loading weights
(EngineCore pid=7) ValueError: No available memory for the cache blocks.
(APIServer pid=5) RuntimeError: Engine core initialization failed. See root cause above.
"""


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        ("", ""),
        ("--- llama-server --model error: x\n", ""),
        (
            LLAMA,
            " It said: llama_model_load: error loading model: tensor 'blk.0' data is not within the file bounds.",
        ),
        (
            VLLM,
            " It said: (EngineCore pid=7) ValueError: No available memory for the cache blocks.",
        ),
        ("one\n\ntwo  \n\n", " It said: two."),
        ("x" * 1000, f" It said: {'x' * 300}."),
    ],
)
def test_the_line_nearest_to_the_cause_is_told(tail: str, told: str) -> None:
    assert reason(tail) == told


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, "code 0"),
        (1, "code 1"),
        (139, "code 139 (SIGSEGV)"),
        (255, "code 255"),
        (137, "code 137 (SIGKILL, which is also what the system sends where memory runs out)"),
    ],
)
def test_a_signal_is_told_by_its_name(code: int, told: str) -> None:
    assert ending(code) == told
