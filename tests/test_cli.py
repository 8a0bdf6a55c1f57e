import os
import pty
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from light_process import LIGHT

from toktts.entry import check_output
from toktts.errors import AudioError

ROOT = Path(__file__).parent.parent

# A command line in a process that cannot import torch: whatever it prints was not paid for with seconds.
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; import toktts_cli; toktts_cli.main(sys.argv[1:])"


def toktts(*args: str, code: str = WITHOUT_TORCH, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    result = subprocess.run([sys.executable, "-c", code, *args], input=stdin, capture_output=True, check=False)
    return subprocess.CompletedProcess(args, result.returncode, result.stdout.decode(), result.stderr.decode())


def entry(body: str, *, debug: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `body` as the work of a command."""
    lines = "\n    ".join(body.splitlines())
    code = f"""{LIGHT}
import os, signal, time
from toktts.entry import run_command
from toktts.errors import ToktsError
def work():
    {lines}
run_command(work, debug={debug})
"""
    return toktts(code=code)


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["version"], ["train", "--help"], ["say", "--help"], []])
def test_help_and_version_need_no_torch(args: list[str]) -> None:
    result = toktts(*args)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_help_takes_less_than_a_second() -> None:
    def seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = seconds()
    toktts("--help")
    assert seconds() - before < 1.0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["trian"], "No such command 'trian'; did you mean 'train'?"),
        (["zzz"], "No such command 'zzz'; see toktts --help"),
        (["say", "hi", "--modle", "a"], "No such option: --modle; did you mean --codec, --model?"),
        (["say", "hi"], "Missing option '--output' / '--out' / '-o'; see toktts say --help"),
        (["resynth", "a"], "Missing argument 'out_dir'; see toktts resynth --help"),
        (["--versio"], "No such option: --versio; did you mean --version?"),
    ],
)
def test_a_wrong_command_line_is_one_line_with_the_nearest_right_one(args: list[str], message: str) -> None:
    result = toktts(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"toktts: error: {message}\n"


def test_train_hands_its_arguments_to_the_trainer() -> None:
    code = f"""{LIGHT}
commands = types.ModuleType("toktts.commands")
commands.train_command = lambda argv: print(argv)
sys.modules["toktts.commands"] = commands
import toktts_cli; toktts_cli.main(sys.argv[1:])
"""
    args = ["--config", "a.yaml", "x.y=1", "--model.hidden_size=64", "--with-model", "b", "--yconfig", "{a: 1}"]
    assert toktts("train", *args, code=code).stdout == f"{args}\n"


# A voice that writes what it was asked to say: the command around it is what is tested. What knows the endings of sound
# imports torch.
SAY = f"""{LIGHT}
from pathlib import Path
class Report:
    lines, passed = ("FAIL length: 3 s", "ok   silent: 90%"), False
def say(text, *, model, output, force, unknown, self_check, timestamps, align_out, **voice):
    said = f"{{text}}|{{model}}|{{force}}|{{unknown}}"
    if timestamps or align_out:
        said += f"|{{timestamps}}|{{align_out}}"
    said += "".join(f"|{{name}}={{value}}" for name, value in voice.items() if value)
    Path(output).write_bytes(said.encode("utf-8", "backslashreplace"))
    return {{"report": Report()}} if self_check else {{}}
sys.modules["toktts.audio"] = types.ModuleType("toktts.audio")
waveform = sys.modules["toktts.audio.waveform"] = types.ModuleType("toktts.audio.waveform")
waveform.FORMATS = {{".wav": "WAV"}}
toktts.inference = sys.modules["toktts.inference"] = types.ModuleType("toktts.inference")
toktts.inference.say = say
toktts.inference.default_voice = lambda: "runs/demo"
import toktts_cli
toktts_cli.main(sys.argv[1:])
"""


def test_say_writes_the_file_it_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "a.wav"
    result = toktts("say", "hello friend", "--model", "runs/x", "-o", str(out), code=SAY)
    assert (result.returncode, result.stderr) == (0, "")
    assert out.read_bytes() == b"hello friend|runs/x|False|error"


def test_speak_is_say() -> None:
    assert toktts("speak", "hi", "-o", "-", code=SAY).stdout == "hi|runs/demo|False|error"


def test_say_tells_which_voice_it_chose_and_only_then() -> None:
    result = toktts("say", "hi", "-o", "-", code=SAY)
    assert result.stderr == "toktts: the voice is runs/demo; --model names another\n"
    assert toktts("say", "hi", "-o", "-", "--model", "x", code=SAY).stderr == ""


def test_say_hands_on_how_to_speak_and_the_alignment() -> None:
    wishes = [
        "--speed",
        "1.5",
        *["--timestamps", "word", "--timestamps", "phoneme"] * 2,
        "--align-out",
        "a.json",
        "--model",
        "m",
    ]
    said = toktts("say", "hi", "-o", "-", *wishes, code=SAY).stdout
    assert said == "hi|m|False|error|['word', 'phoneme']|a.json|speed=1.5"
    wishes = ["--pitch", "1.5", "--energy", "0.5", "--retries", "3", "--fallback", "bundled", "--model", "m"]
    said = toktts("say", "hi", "-o", "-", *wishes, code=SAY).stdout
    assert said == "hi|m|False|error|pitch=1.5|energy=0.5|retries=3|fallback=bundled"
    said = toktts("say", "hi", "-o", "-", "--guidance", "1.5", "--refine", "4", "--model", "m", code=SAY).stdout
    assert said == "hi|m|False|error|guidance_scale=1.5|refinement_steps=4"
    wishes = ["--speaker", "eve", "--speaker-vector", "v.safetensors:eve", "--model", "m"]
    said = toktts("say", "hi", "-o", "-", *wishes, code=SAY).stdout
    assert said == "hi|m|False|error|speaker=eve|speaker_vector=v.safetensors:eve"
    result = toktts("say", "hi", "-o", "-", "--speed", "3")
    assert result.returncode == 2
    assert result.stderr.startswith("toktts: error: Invalid value for '--speed': ")
    assert result.stderr.count("\n") == 1


def test_a_failed_check_is_printed_and_ends_with_code_3(tmp_path: Path) -> None:
    result = toktts("say", "hi", "-o", str(tmp_path / "a.wav"), "--check", "--model", "m", code=SAY)
    assert (result.returncode, result.stdout) == (3, "FAIL length: 3 s\nok   silent: 90%\n")
    assert (tmp_path / "a.wav").exists()
    piped = toktts("say", "hi", "-o", "-", "--check", "--model", "m", code=SAY)
    assert (piped.returncode, piped.stdout) == (3, "hi|m|False|error")
    assert piped.stderr == "FAIL length: 3 s\nok   silent: 90%\n"
    unasked = SAY.replace("if self_check", "if True")
    assert toktts("say", "hi", "-o", "-", "--fallback", "b", "--model", "m", code=unasked).stderr == ""
    passed = SAY.replace('%"), False', '%"), True')
    assert toktts("say", "hi", "-o", "-", "--check", "--model", "m", code=passed).returncode == 0


def test_version_lists_the_bundled_voice() -> None:
    first, second = toktts("version").stdout.splitlines()
    assert toktts("--version").stdout.splitlines() == [first]
    has_voice = (ROOT / "toktts/assets/voice/model.safetensors").exists()
    assert second.startswith("bundled voice: toknar, " if has_voice else "no voice came with it")


def test_say_reads_standard_input_and_writes_standard_output() -> None:
    result = toktts("say", "-", "-o", "-", code=SAY, stdin="\ufeffé!".encode())
    assert (result.returncode, result.stdout) == (0, "é!|runs/demo|False|error")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xyz", "cannot write '.xyz'; use one of .wav, .flac, .ogg, .opus, .mp3"),
        ("a", "cannot write 'no ending'; use one of .wav, .flac, .ogg, .opus, .mp3"),
        ("nowhere/a.wav", "is in a folder that does not exist; make the folder first"),
        ("folder.wav", "is a folder; name a file in it"),
        ("old.wav", "exists already; choose another name, or replace it with --force"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "old.wav").write_bytes(b"mine")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError) as error:
        check_output(tmp_path / name, force=False)
    assert str(error.value) == f"{tmp_path / name}: {message}"


def test_say_checks_its_output_first(tmp_path: Path) -> None:
    out = tmp_path / "old.wav"
    out.write_bytes(b"mine")
    result = toktts("say", "hi", "-o", str(out), code=SAY)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"toktts: error: {out}: exists already;")
    assert out.read_bytes() == b"mine"


def test_force_replaces_the_output(tmp_path: Path) -> None:
    out = tmp_path / "old.wav"
    out.write_bytes(b"mine")
    assert toktts("say", "hi", "-o", str(out), "--force", code=SAY).returncode == 0
    assert out.read_bytes() == b"hi|runs/demo|True|error"


def test_text_that_is_not_utf8_is_refused_with_the_place() -> None:
    result = toktts("say", "-", "-o", "-", code=SAY, stdin=b"abc\xff")
    assert (result.returncode, result.stderr) == (
        2,
        "toktts: error: standard input: byte 3 is not UTF-8; save the text as UTF-8\n",
    )


def test_text_is_the_same_whatever_the_locale() -> None:
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", SAY, "say", "café", "-o", "-"]
    assert (
        subprocess.run(command, capture_output=True, env=ascii_only, check=True).stdout
        == "café|runs/demo|False|error".encode()
    )


def test_sound_is_not_written_to_a_terminal() -> None:
    terminal, screen = pty.openpty()
    try:
        result = subprocess.run(
            [sys.executable, "-c", SAY, "say", "hi", "-o", "-"], stdout=screen, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(screen)
        os.close(terminal)
    assert result.returncode == 2
    assert result.stderr == b"toktts: error: --output: standard output is a terminal; name a file or a pipe\n"


def test_a_fault_of_the_user_is_one_line_and_code_2() -> None:
    result = entry("raise ToktsError('no such thing; write another', file='a.yaml', line=3, key='x.y')")
    assert (result.returncode, result.stderr) == (2, "toktts: error: a.yaml:3 x.y: no such thing; write another\n")


def test_debug_shows_the_traceback_too() -> None:
    result = entry("raise ToktsError('no; yes')", debug=True)
    assert result.returncode == 2
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("\ntoktts: error: no; yes\n")


def test_a_fault_of_ours_is_one_line_and_code_1() -> None:
    result = entry("{}['key']")
    assert result.returncode == 1
    assert result.stderr == (
        "toktts: error: <string>:10: unexpected KeyError: 'key'; run it again with --debug and report what it prints\n"
    )
    assert entry("{}['key']", debug=True).stderr.startswith("Traceback")


def test_a_full_disk_is_a_fault_of_the_user() -> None:
    result = entry("raise OSError(28, 'No space left on device', '/x/y')")
    assert (result.returncode, result.stderr) == (
        2,
        "toktts: error: /x/y: No space left on device; free some space or choose another place\n",
    )


@pytest.mark.parametrize("error", ["MemoryError()", "RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: x')"])
def test_too_little_memory_is_a_fault_of_the_user(error: str) -> None:
    result = entry(f"raise {error}")
    assert (result.returncode, result.stderr) == (
        2,
        "toktts: error: memory ran out; lower the batch size, or leave other programs\n",
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cleans_up_and_leaves_with_its_code(number: signal.Signals, code: int) -> None:
    result = entry(f"try:\n    os.kill(os.getpid(), {int(number)})\n    time.sleep(5)\nfinally:\n    print('clean')")
    assert (result.returncode, result.stdout) == (code, "clean\n")
    assert result.stderr == ("toktts: interrupted\n" if number == signal.SIGINT else "")


def test_a_reader_that_left_is_no_error() -> None:
    code = f"{LIGHT}from toktts.entry import run_command\nrun_command(lambda: print('x' * 10**6))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (141, b"")
    process.stderr.close()


def test_ctrl_c_is_one_line_and_code_130() -> None:
    wait = "lambda *_: (print('up', flush=True), time.sleep(30))"
    code = f"import time, toktts_cli\ntoktts_cli._run = {wait}\ntoktts_cli.main(['demo'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"toktts: interrupted\n")
