"""What an engine's process gets of our environment."""

from readstone.engines.environment import engine_environment

OURS = {
    "PATH": "/bin",
    "HOME": "/root",
    "CUDA_VISIBLE_DEVICES": "1",
    "HF_TOKEN": "hf_x",
    "READSTONE_PORT": "8000",
    "OPENAI_API_KEY": "sk-x",
    "DATABASE_URL": "postgres://x",
    "LLAMA_ARG_AGENT": "1",
}


def test_what_programs_and_accelerators_need_is_handed_on() -> None:
    environment = engine_environment(OURS)

    assert {"PATH", "HOME", "CUDA_VISIBLE_DEVICES", "HF_TOKEN"} <= environment.keys()


def test_our_settings_and_everybodys_keys_stay_here() -> None:
    environment = engine_environment(OURS)

    assert environment.keys().isdisjoint(
        {"READSTONE_PORT", "OPENAI_API_KEY", "DATABASE_URL", "LLAMA_ARG_AGENT"}
    )


def test_a_variable_that_is_named_is_handed_on() -> None:
    assert engine_environment(OURS, ["DATABASE_URL"])["DATABASE_URL"] == "postgres://x"


def test_no_engine_reports_to_anybody() -> None:
    environment = engine_environment({"VLLM_NO_USAGE_STATS": "0"})

    assert environment["VLLM_NO_USAGE_STATS"] == environment["DO_NOT_TRACK"] == "1"


def test_threads_and_being_offline_are_said_only_when_asked() -> None:
    assert engine_environment({}).keys().isdisjoint({"OMP_NUM_THREADS", "HF_HUB_OFFLINE"})

    asked = engine_environment({}, threads=2, offline=True)

    assert (asked["OMP_NUM_THREADS"], asked["HF_HUB_OFFLINE"]) == ("2", "1")
