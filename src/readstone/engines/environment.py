"""The environment of an engine's process: what it needs of ours, and no secret of ours."""

from collections.abc import Iterable, Mapping

_NAMES = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "VIRTUAL_ENV"),
    }
)  # fmt: skip
_PREFIXES = (
    *("LC_", "XDG_"),
    *("CUDA_", "NVIDIA_", "NCCL_", "HIP_", "ROCR_", "HSA_", "ROCM_", "ONEAPI_", "ZE_", "GGML_"),
    *("HF_", "VLLM_", "TORCH_", "PYTORCH_", "TRITON_", "GLOO_", "OMP_", "MKL_"),
)
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""No engine of ours reports to anybody."""


def engine_environment(
    ours: Mapping[str, str], inherit: Iterable[str] = (), threads: int = 0, *, offline: bool = False
) -> dict[str, str]:
    """What an engine gets of our environment: what programs, accelerators and model hubs need, and `inherit`.

    Everything else, our own variables and the keys of other engines among it, stays here. `threads` bounds the
    threads of OpenMP where it is not 0; `offline` keeps the libraries of the Hugging Face hub off the network.
    """
    named = _NAMES | frozenset(inherit)
    environment = {
        name: value for name, value in ours.items() if name in named or name.startswith(_PREFIXES)
    }
    environment.update(_QUIET)
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    if offline:
        environment["HF_HUB_OFFLINE"] = "1"
    return environment
