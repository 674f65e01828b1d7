"""What a person is told in Vietnamese, by rule, beside the English detail: reasons, statuses, issuers and their successors.

Rules: a rule that is not listed falls back on what its verdict means; nothing is ever shown in English alone.
"""

from __future__ import annotations

from ledger import days
from ledger.verdict import Judgement, Verdict

_REASONS = {
    "status.logged": "đã ghi sổ: một lần xem dữ liệu cá nhân, do ai và vì sao",
    "status.erased": "đã ghi sổ: dữ liệu đã bị xóa vĩnh viễn khỏi kho",
    "status.executed": "đã ghi sổ: đề xuất đã đủ phiếu và đã được thực hiện",
    "document.hash": "tệp này khác tệp đã ghi sổ: nội dung đã bị sửa, hoặc đây là tệp khác",
    "receipt.missing": "không thấy biên nhận (.tlog-proof) của tệp này",
    "receipt.version": "biên nhận thuộc phiên bản mới hơn chương trình này",
    "receipt.no-extra": "đây là bằng chứng nhật ký chung, không phải biên nhận của Sổ Gốc",
    "receipt.no-state": "chắc chắn đã ghi sổ, nhưng biên nhận không nói còn hiệu lực hay không",
    "receipt.other-kind": "biên nhận này không phải của loại giấy đang kiểm tra",
    "receipt.author": "theo sổ lúc này, khóa đã ký không thay mặt cơ quan nêu trong bản ghi",
    "receipt.members": "cơ quan cấp và các cơ quan kế thừa không đúng như trong sổ: biên nhận bị sửa",
    "receipt.chain": "biên nhận ghép từ hai sổ khác nhau",
    "tlog-proof.version": "biên nhận thuộc phiên bản mới hơn chương trình này",
    "entry.version": "mục trong sổ thuộc phiên bản mới hơn chương trình này",
    "header.rules-version": "sổ theo bộ quy tắc mới hơn chương trình này",
    "document.salt-missing": "giấy tờ này được neo kín: cần tệp muối (.salt) đi kèm",
    "policy.no-log-signature": "chính sách này không biết sổ đã ký biên nhận",
    "policy.epoch-before": "biên nhận có từ trước chính sách đang giữ; hãy dùng chính sách cũ hơn hoặc xin biên nhận mới",
    "policy.epoch-ended": "khóa ký đã thôi dùng từ trước đó",
    "policy.epoch-late": "khóa ký sau khi đã thôi dùng",
    "policy.epoch-link": "sổ đưa ra để đối chiếu không phải sổ này, hoặc đã hỏng",
    "policy.epoch-root": "khóa đã thôi dùng ký một sổ khác với sổ thật",
    "policy.epoch-unknown": "khóa ký mới hơn chính sách đang giữ; hãy chạy sogoc policy update",
    "policy.epoch-unlinked": "khóa ký đã thôi dùng: cần đối chiếu với sổ (--log), hoặc xin biên nhận mới",
    "policy.quorum-missing": "chưa đủ chữ ký xác nhận mà chính sách đòi hỏi",
    "key.disputed": "khóa đã ký bị thu hồi, và việc ký trong khoảng thời gian đó đang có tranh chấp",
    "record.type-unknown": "loại bản ghi này mới hơn chương trình",
    "proof.root-mismatch": "bằng chứng bao hàm không dẫn tới gốc đã ký: biên nhận bị sửa",
    "signature.mismatch": "chữ ký không đúng: biên nhận bị sửa",
    "certificate.days-unknown": "biên nhận này không nói giấy có giá trị đến ngày nào: hãy lấy tệp bằng chứng của giấy",
    "certificate.keys": "tệp bằng chứng không kèm đúng các khóa đã ký những bản ghi của giấy: thiếu, thừa hoặc bị sửa",
    "certificate.no-paper": "cơ quan cấp chưa ghi sổ bản giấy nào của giấy chứng nhận này",
    "certificate.paper": "tệp này không phải bản giấy đã ghi sổ của giấy chứng nhận: nội dung khác",
    "certificate.papers-unknown": "biên nhận này không kèm bản ghi nói tệp nào là bản giấy: hãy lấy tệp bằng chứng mới nhất",
    "certificate.records": "danh sách bản ghi không đúng với sổ: thiếu, thừa hoặc bị sửa",
    "certificate.records-missing": "đây không phải biên nhận lúc cấp và không kèm đủ bản ghi: hãy lấy tệp bằng chứng mới nhất",
    "certificate.reinstatement-unknown": "giấy có nhiều bản ghi; từng bị đình chỉ rồi khôi phục hay không, ai khôi phục, "
    "thì phải có tệp bằng chứng của giấy",
    "certificate.renewal-unknown": "thời hạn ghi trong bằng chứng này đã qua, nhưng giấy có thể đã được gia hạn sau đó: "
    "hãy lấy bằng chứng mới nhất",
    "certificate.time-missing": "giấy chỉ có giá trị trong một thời hạn, mà không biết hôm nay là ngày nào",
    "certificate-proof.shape": "không đọc được tệp bằng chứng: tệp hỏng, hoặc không phải tệp bằng chứng của một giấy",
    "certificate-proof.version": "tệp bằng chứng thuộc phiên bản mà chương trình này không đọc: hãy lấy tệp mới",
    "claims.form": "các mục trong tệp bằng chứng ở dạng mới hơn chương trình này",
    "claims.count": "số mục trong tệp khác số mục của giấy",
    "claims.proof": "mục được cho xem không phải của giấy này, hoặc đã bị sửa",
    "claims.root": "nội dung giấy không phải nội dung đã được cấp: đã bị sửa",
    "event.mismatch": "sự kiện trong bản ghi khác phần tóm tắt bên cạnh: lời của người ghi không nhất quán",
    "share.proof": "phần được cho xem không phải của sự kiện này, hoặc đã bị sửa",
    "share.record": "biên nhận trong tệp không phải của một sự kiện có phần được giấu",
    "share.shape": "không đọc được tệp: tệp hỏng, hoặc không phải tệp cho xem phần được giấu",
    "share.version": "tệp thuộc phiên bản mà chương trình này không đọc: hãy xin tệp mới",
    "did.key-type": "tệp này do một loại khóa ký mà chương trình chưa biết",
    "did.method-unknown": "tệp này nêu người ký theo cách mà chương trình chưa biết, và không hỏi ai khác",
    "json.syntax": "không đọc được tệp này: không phải JSON",
    "vc.certificate": "tệp này nói về một giấy khác với bằng chứng",
    "vc.claims": "tệp này nói khác với giấy đã được cấp",
    "vc.context": "ngữ cảnh của tệp này khác ngữ cảnh đã được ký: tệp bị sửa",
    "vc.issuer": "khóa đã ký không phải của người cấp nêu trong tệp này",
    "vc.proof": "tệp này không có chữ ký",
    "vc.suite": "chữ ký trên tệp này thuộc loại mà chương trình chưa biết",
    "vc.claims-hidden": "bằng chứng không cho xem hết các mục, nên chưa so được với tệp này",
    "vc.no-proof": "chữ ký trên tệp này đúng; còn hiệu lực hay không thì phải có tệp bằng chứng (.sogoc-proof)",
    "vc.other-key": "tệp này do một khóa khác với khóa đã cấp giấy ký",
}
_STATUSES = {
    "in-force": "còn hiệu lực",
    "revoked": "đã thu hồi",
    "suspended": "tạm đình chỉ",
    "superseded": "đã thay thế",
    "withdrawn": "đã thu hồi",
    "expired": "hết hạn",
    "not-yet": "chưa đến ngày có hiệu lực",
}
CERTIFICATE_REASONS = {
    "complaint": "có khiếu nại, tố cáo",
    "conditions-ended": "không còn đủ điều kiện",
    "conditions-in-doubt": "cần xác minh điều kiện",
    "decision-annulled": "quyết định làm căn cứ đã bị hủy",
    "holder-request": "theo đề nghị của người được cấp",
    "issued-in-error": "cấp sai",
    "obtained-by-deceit": "có gian dối khi đề nghị cấp",
    "other": "lý do khác",
    "replaced": "đã cấp giấy khác thay thế",
    "under-review": "đang thanh tra, kiểm tra",
}
"""Reasons for suspending and revoking, by their codes."""
_BY_VERDICT = {
    Verdict.IN_FORCE: "đã ghi sổ và còn hiệu lực",
    Verdict.NO_LONGER_IN_FORCE: "văn bản thật nhưng không còn hiệu lực",
    Verdict.DOES_NOT_MATCH: "biên nhận hoặc tệp đã bị sửa",
    Verdict.CANNOT_TELL: "chưa đủ căn cứ để kết luận; đây không phải là dấu hiệu giả mạo",
}


def words_of(rule: str) -> str | None:
    """The reason that stands behind a rule, in Vietnamese, if it has words of its own."""
    return _REASONS.get(rule)


def reason(judgement: Judgement) -> str:
    """Why a verdict is what it is, in Vietnamese."""
    status = judgement.rule.removeprefix("status.")
    if judgement.verdict is Verdict.NO_LONGER_IN_FORCE and status in _STATUSES:
        return _status_reason(judgement, status)
    return _REASONS.get(judgement.rule, _BY_VERDICT[judgement.verdict])


def _status_reason(judgement: Judgement, status: str) -> str:
    since = "" if judgement.since_ms is None else day_words(days.day_of(judgement.since_ms))
    if status == "not-yet":
        return f"giấy thật; có hiệu lực từ ngày {since}"
    if status == "expired" and judgement.since_ms is not None:
        return f"giấy thật; có giá trị đến hết ngày {day_words(days.day_of(judgement.since_ms - 1))}"
    words = f"giấy thật; {_STATUSES[status]}" + (f" từ ngày {since}" if since else "")
    certificate = judgement.certificate
    if certificate is not None and certificate.reason is not None:
        words += f"; lý do: {CERTIFICATE_REASONS.get(certificate.reason, certificate.reason)}"
    return words


def status_words(status: str) -> str:
    """A subject's status in Vietnamese, as far as it has a word."""
    return _STATUSES.get(status, status)


def day_words(day: str) -> str:
    """A day `YYYY-MM-DD` as it is written in Vietnam: 30/6/2025."""
    year, month, date = day.split("-")
    return f"{int(date)}/{int(month)}/{year}"


def issuer_words(judgement: Judgement) -> tuple[str, str] | None:
    """Who issued and who succeeds, in Vietnamese and English; None if that is not proved."""
    issuer = judgement.issuer
    if issuer is None:
        return None
    if issuer.ended_ms is None:
        return issuer.name, issuer.name
    # The day on which it ended is the first on which it was no more.
    last = day_words(days.day_of(issuer.ended_ms - 1))
    if not issuer.successors:
        return f"{issuer.name} (đến {last})", f"{issuer.name} (until {last})"
    line = ", ".join(issuer.successors)
    return (
        f"{issuer.name} (đến {last}); cơ quan kế thừa: {line}",
        f"{issuer.name} (until {last}); succeeded by: {line}",
    )
