"""Reasons in Vietnamese, by rule: what a person is told beside the English detail.

Rules: a rule that is not listed falls back on what its verdict means; nothing is ever shown in English alone.
"""

from __future__ import annotations

from ledger.verdict import Judgement, Verdict

_REASONS = {
    "document.hash": "tệp này khác tệp đã ghi sổ: nội dung đã bị sửa, hoặc đây là tệp khác",
    "receipt.missing": "không thấy biên nhận (.tlog-proof) của tệp này",
    "receipt.version": "biên nhận thuộc phiên bản mới hơn chương trình này",
    "receipt.no-extra": "đây là bằng chứng nhật ký chung, không phải biên nhận của Sổ Gốc",
    "receipt.no-state": "chắc chắn đã ghi sổ, nhưng biên nhận không nói còn hiệu lực hay không",
    "receipt.other-kind": "biên nhận này không phải của một văn bản",
    "document.salt-missing": "giấy tờ này được neo kín: cần tệp muối (.salt) đi kèm",
    "policy.no-log-signature": "chính sách này không biết sổ đã ký biên nhận",
    "policy.quorum-missing": "chưa đủ chữ ký xác nhận mà chính sách đòi hỏi",
    "key.disputed": "khóa đã ký bị thu hồi, và việc ký trong khoảng thời gian đó đang có tranh chấp",
    "record.type-unknown": "loại bản ghi này mới hơn chương trình",
    "proof.root-mismatch": "bằng chứng bao hàm không dẫn tới gốc đã ký: biên nhận bị sửa",
    "signature.mismatch": "chữ ký không đúng: biên nhận bị sửa",
}
_BY_VERDICT = {
    Verdict.IN_FORCE: "đã ghi sổ và còn hiệu lực",
    Verdict.NO_LONGER_IN_FORCE: "văn bản thật nhưng không còn hiệu lực",
    Verdict.DOES_NOT_MATCH: "biên nhận hoặc tệp đã bị sửa",
    Verdict.CANNOT_TELL: "chưa đủ căn cứ để kết luận; đây không phải là dấu hiệu giả mạo",
}


def reason(judgement: Judgement) -> str:
    """Why a verdict is what it is, in Vietnamese."""
    return _REASONS.get(judgement.rule, _BY_VERDICT[judgement.verdict])
