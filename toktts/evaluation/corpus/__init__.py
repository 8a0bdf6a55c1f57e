"""A user's own voice before training: what is wrong with its clips, and whether the codec knows it."""

from toktts.evaluation.corpus.checking import check_corpus
from toktts.evaluation.corpus.codec import CodecVerdict, judge_codec
from toktts.evaluation.corpus.findings import KINDS, Finding, Kind
from toktts.evaluation.corpus.report import CorpusReport

__all__ = ["KINDS", "CodecVerdict", "CorpusReport", "Finding", "Kind", "check_corpus", "judge_codec"]
