"""Labels in the form they are compared in: without case, accents and punctuation, and without what readers confuse."""

import re
import unicodedata
from typing import Final

from readstone.extraction.values.plain import plain

_TRADITIONAL: Final = str.maketrans(
    "號碼發單據幣種稱買賣額計總價數貨規類備註稅電話聯繫開戶銀帳賬實應際書項編訂購廠區醫診斷檢驗結參範圍標樣報療險員費個負擔統籌給藥劑頻門領國證過現職業處議體積機構關務複審條點會寫時間壓訴",
    "号码发单据币种称买卖额计总价数货规类备注税电话联系开户银账账实应际书项编订购厂区医诊断检验结参范围标样报疗险员费个负担统筹给药剂频门领国证过现职业处议体积机构关务复审条点会写时间压诉",
)
_CONFUSED: Final = str.maketrans("0158|i", "olsbll")
_SPOKEN: Final = re.compile(r"[^\W_]+|[#%]")
_ASIAN: Final = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])")
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MARKS: Final = re.compile(r"[\u0300-\u036f]")


def folded(text: str) -> str:
    """The words of a label, in lower case, without accents or punctuation, traditional characters simplified."""
    bare = unicodedata.normalize("NFKD", plain(text).translate(_TRADITIONAL).lower())
    # Marks of Latin letters go; those that make a kana are put back.
    spoken = " ".join(_SPOKEN.findall(unicodedata.normalize("NFKC", _MARKS.sub("", bare))))
    return _ASIAN.sub("", spoken)


def confusable(text: str) -> str:
    """The folded label with what readers confuse (o and 0, l, i and 1, s and 5) made one, without its spaces."""
    return folded(text).translate(_CONFUSED).replace("rn", "m").replace(" ", "")


def spelt(key: str) -> str:
    """A key as words: `invoiceNo` and `invoice_no` are "invoice no"."""
    return folded(_HUMPS.sub(" ", key))
