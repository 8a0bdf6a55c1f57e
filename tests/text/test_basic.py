import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.text.basic import BasicNormalizer

normalize = BasicNormalizer()

GOLDEN = [
    ("1", "one"),
    ("$5.10", "five dollars and ten cents"),
    ("10:30", "ten thirty"),
    ("3/4", "three quarters"),
    ("-7", "minus seven"),
    ("1e9", "one times ten to the nine"),
    ("1.5e-3", "one point five times ten to the minus three"),
    ("$1,234.56", "one thousand two hundred thirty-four dollars and fifty-six cents"),
    ("$5 million", "five million dollars"),
    ("$1", "one dollar"),
    ("$1.01", "one dollar and one cent"),
    ("$3.00", "three dollars"),
    ("$.50", "fifty cents"),
    ("£0.01", "one penny"),
    ("€20", "twenty euros"),
    ("-$5", "minus five dollars"),
    ("12:00", "twelve o'clock"),
    ("10:05 a.m. sharp", "ten oh five A M sharp"),
    ("10:30:05", "ten thirty and five seconds"),
    ("5pm", "five P M"),
    ("in 1999", "in nineteen ninety-nine"),
    ("1066", "ten sixty-six"),
    ("2005", "two thousand five"),
    ("the 1990s", "the nineteen nineties"),
    ("the '80s", "the eighties"),
    ("1800s", "eighteen hundreds"),
    ("21st", "twenty-first"),
    ("the 1,000th", "the one thousandth"),
    ("1,000,000", "one million"),
    ("3.14", "three point one four"),
    ("3.", "three."),
    ("007", "zero zero seven"),
    ("1990-1995", "nineteen ninety to nineteen ninety-five"),
    ("1.2.3", "one point two point three"),
    ("5kg", "five kilograms"),
    ("1 km", "one kilometer"),
    ("3 km/h", "three kilometers per hour"),
    ("100%", "one hundred percent"),
    ("37.5°C", "thirty-seven point five degrees Celsius"),
    ("2½", "two and one half"),
    ("2/3", "two thirds"),
    ("No. 5", "number five"),
    ("mp3", "mp three"),
    ("4x4", "four x four"),
    ("٣", "three"),
    ("①", "one"),
    ("９", "nine"),
    ("10000000000000000", "one" + " zero" * 16),
    ("AT&T", "AT and T"),
    ("a@b", "a at b"),
    ("</s>", "less than slash s greater than"),
    ("*really*", "really"),
    ("Dr. Who met Mrs. Smith", "Doctor Who met Missus Smith"),
    ("cats, dogs, etc.", "cats, dogs, et cetera."),
    ("“yes”—‘no’", "\"yes\" - 'no'"),
    ("wait…", "wait..."),
    ("wait -- what", "wait - what"),
    ("Hello, world!", "Hello, world!"),
    ("don't", "don't"),
    ("Henry VIII. a new penalty", "Henry the eighth a new penalty"),
    ("George III., as many", "George the third, as many"),
    ("Elizabeth II's reign", "Elizabeth the second's reign"),
    ("Chapter IV", "Chapter four"),
    ("World War II ended", "World War two ended"),
    ("Robert I. Nash", "Robert I. Nash"),
    ("When I saw", "When I saw"),
    ("An IV drip", "An IV drip"),
    ("serial No. C2766.", "serial number C two seven six six."),
    ("Nos. 3 and 4", "numbers three and four"),
    ("the .22 rifle", "the twenty-two rifle"),
    ("1308 prisoners", "one thousand three hundred eight prisoners"),
    ("in 1963 prisoners", "in nineteen sixty-three prisoners"),
    ("the 1920s", "the nineteen twenties"),
    ("£3 10s. 6d. for it", "three pounds ten shillings six pence for it"),
    ("£3 10s.", "three pounds ten shillings."),
    ("on 2024-05-17 at noon", "on May seventeenth, twenty twenty-four at noon"),
    ("5/17/2024", "May seventeenth, twenty twenty-four"),
    ("17/5/2024", "May seventeenth, twenty twenty-four"),
    ("call 555-1234", "call five five five, one two three four"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
    ("500-1000 men", "five hundred to one thousand men"),
    ("3:2", "three to two"),
    ("5 p.m.", "five P M."),
    ("5 p.m. sharp", "five P M sharp"),
    ("e.g. this, i.e. that", "for example this, that is that"),
    ("see https://example.com/a-b.", "see example dot com slash a dash b."),
    ("www.python.org", "W W W dot python dot org"),
    ("mail joe.smith@example.co.uk!", "mail joe dot smith at example dot co dot uk!"),
    ("10 ft. tall", "ten feet tall"),
    ("Neely St. and St. Paul", "Neely Street and Saint Paul"),
    ("[[HH AH0 L OW1]] 5 [[AH0]]", "[[HH AH0 L OW1]] five [[AH0]]"),
    ("5[[AH0]]6", "five[[AH0]]six"),
]


@pytest.mark.parametrize(("written", "read"), GOLDEN, ids=[written for written, _ in GOLDEN])
def test_written_english_is_read_in_words(written: str, read: str) -> None:
    assert normalize(written) == read


@pytest.mark.parametrize("text", ["", " \n\t\u200b", "\u202e\u202c", "\u00ad"])
def test_text_that_shows_nothing_becomes_empty(text: str) -> None:
    assert normalize(text) == ""


def test_both_spellings_of_an_accent_become_one() -> None:
    assert normalize("cafe\u0301") == normalize("café") == "café"


def test_controls_are_stripped_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert normalize("a\x00b\x85 \u202ec\u200fd") == "ab cd"
    assert caplog.messages == ["stripped 3 control characters from the text"]


def test_at_most_four_marks_stay_on_a_letter(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert normalize("x" + "\u0311\u0323\u0330\u0325\u032d" * 4) == "x" + "\u0323\u0330\u0325\u032d"
    assert caplog.messages == ["dropped 16 marks from the text"]


def test_half_a_character_is_left_for_the_check_that_refuses_it() -> None:
    assert normalize("a\ud800") == "a\ud800"


@given(st.integers(0, 10**15 - 1))
def test_any_number_is_said_in_letters_blanks_and_hyphens(number: int) -> None:
    said = normalize(f"{number:,}")
    assert said.replace(" ", "").replace("-", "").isalpha()


@pytest.mark.parametrize(
    "unit", ["1", "1,", "1,111,", "1.", "1-", "1/", "$1", "Dr. ", "\u0301", "a", "é", "a.", "a@", "1:", "[[", "[[5]]"]
)
def test_a_long_text_takes_time_in_proportion(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    start = time.process_time()
    normalize(text)
    assert time.process_time() - start < 2
