"""The words of `doc.*` records: what sort of paper it is, how urgent, how secret, and why it was withdrawn.

Rules: a record holds the code; people read the word beside it. Codes are only ever added.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "nghi-quyet": "nghị quyết",
        "quyet-dinh": "quyết định",
        "chi-thi": "chỉ thị",
        "quy-che": "quy chế",
        "quy-dinh": "quy định",
        "thong-cao": "thông cáo",
        "thong-bao": "thông báo",
        "huong-dan": "hướng dẫn",
        "chuong-trinh": "chương trình",
        "ke-hoach": "kế hoạch",
        "phuong-an": "phương án",
        "de-an": "đề án",
        "du-an": "dự án",
        "bao-cao": "báo cáo",
        "bien-ban": "biên bản",
        "to-trinh": "tờ trình",
        "hop-dong": "hợp đồng",
        "cong-van": "công văn",
        "cong-dien": "công điện",
        "ban-ghi-nho": "bản ghi nhớ",
        "ban-thoa-thuan": "bản thỏa thuận",
        "giay-uy-quyen": "giấy ủy quyền",
        "giay-moi": "giấy mời",
        "giay-gioi-thieu": "giấy giới thiệu",
        "giay-nghi-phep": "giấy nghỉ phép",
        "phieu-gui": "phiếu gửi",
        "phieu-chuyen": "phiếu chuyển",
        "phieu-bao": "phiếu báo",
        "thu-cong": "thư công",
        "giay-xac-nhan": "giấy xác nhận",
        "khac": "loại khác",
    }
)
"""Tên loại: code to the word that people read. The 29 of Nghị định 30/2020/NĐ-CP, Điều 7; then two that offices need beside."""

URGENCIES: Mapping[str, str] = MappingProxyType(
    {"khan": "khẩn", "thuong-khan": "thượng khẩn", "hoa-toc": "hỏa tốc"}
)
"""Độ khẩn (Nghị định 30/2020/NĐ-CP, Phụ lục I)."""

UNCLASSIFIED = "khong"
SECRECIES: Mapping[str, str] = MappingProxyType(
    {UNCLASSIFIED: "không mật", "mat": "mật", "toi-mat": "tối mật", "tuyet-mat": "tuyệt mật"}
)
"""Độ mật (Luật Bảo vệ bí mật nhà nước 2018, Điều 8). Only the first may stand on a ledger."""

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "recorded-in-error": "neo nhầm tệp hoặc nhầm thông tin",
        "wrong-content": "nội dung sai",
        "unlawful": "ban hành trái pháp luật hoặc trái thẩm quyền",
        "ordered": "theo yêu cầu của cơ quan có thẩm quyền",
        "no-longer-applies": "không còn phù hợp, hết hiệu lực",
        "obtained-by-fraud": "giấy tờ làm căn cứ là giả hoặc không hợp lệ",
        "other": "lý do khác",
    }
)
"""Why a document is withdrawn: a code, never free text."""
