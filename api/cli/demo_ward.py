"""The example ward: who is in it, what its papers say, whom it certifies. Nobody in here exists, and no code is anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WARD: Final = "UBND phường Phú Sơn"
WARD_ID: Final = "ubnd-phuong-phu-son"
ORIGIN: Final = "phuson.example/so-goc"
SUCCESSOR: Final = "UBND phường Quang Trung"
SUCCESSOR_ID: Final = "ubnd-phuong-quang-trung"
MERGER: Final = "Nghị quyết về sắp xếp đơn vị hành chính cấp xã năm 2025"
ERASURE_LAW: Final = "91/2025/QH15"

_OFFICER = "KT. CHỦ TỊCH — PHÓ CHỦ TỊCH"


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of the ward."""

    file: str
    number: str
    symbol: str
    date: str
    """YYYY-MM-DD."""
    title: tuple[str, ...]
    """The kind of paper, then what it is about."""
    lines: tuple[str, ...]
    issuer: str = WARD
    signed_by: str = _OFFICER

    @property
    def abstract(self) -> str:
        """The paper's subject in one line."""
        return " ".join(self.title[1:])

    @property
    def options(self) -> tuple[str, ...]:
        """How `sogoc anchor` is told about the paper."""
        return (
            "--number", self.number, "--symbol", self.symbol, "--date", self.date, "--abstract", self.abstract,
        )  # fmt: skip


REPORT: Final = Paper(
    file="Báo cáo 41.pdf",
    number="41",
    symbol="BC-UBND",
    date="2025-02-13",
    title=("BÁO CÁO", "Tiến độ phát triển hạ tầng số"),
    lines=(
        "1. Hộ gia đình có cáp quang: 95 % (kế hoạch 95 %).",
        "2. Tài khoản định danh điện tử: 83 % (kế hoạch 80 %).",
        "3. Người trưởng thành có chữ ký số: 52 % (kế hoạch 50 %).",
        "4. Hồ sơ an toàn thông tin theo cấp độ: 100 %.",
    ),
)
OLD_DECISION: Final = Paper(
    file="Quyết định 09.pdf",
    number="09",
    symbol="QĐ-UBND",
    date="2025-01-20",
    title=("QUYẾT ĐỊNH", "Thành lập Tổ công nghệ số cộng đồng"),
    lines=(
        "Điều 1. Thành lập Tổ công nghệ số cộng đồng của phường, gồm 7 thành viên.",
        "Điều 2. Tổ hướng dẫn người dân dùng dịch vụ công trực tuyến.",
        "Điều 3. Quyết định có hiệu lực từ ngày ký.",
    ),
)
DECISION: Final = Paper(
    file="Quyết định 27.pdf",
    number="27",
    symbol="QĐ-UBND",
    date="2025-03-10",
    title=("QUYẾT ĐỊNH", "Kiện toàn Tổ công nghệ số cộng đồng"),
    lines=(
        "Điều 1. Kiện toàn Tổ công nghệ số cộng đồng của phường, gồm 11 thành viên.",
        "Điều 2. Quyết định này thay thế Quyết định số 09/QĐ-UBND ngày 20/01/2025.",
        "Điều 3. Quyết định có hiệu lực từ ngày ký.",
    ),
)
NOTICE: Final = Paper(
    file="Thông báo 12.pdf",
    number="12",
    symbol="TB-UBND",
    date="2025-03-03",
    title=("THÔNG BÁO", "Lịch tiếp công dân tháng 3 và tháng 4 năm 2025"),
    lines=("Tiếp công dân vào sáng thứ Năm hằng tuần, tại Bộ phận Một cửa của phường.",),
)
SUCCESSORS_NOTICE: Final = Paper(
    file="Thông báo 01.pdf",
    number="01",
    symbol="TB-UBND",
    date="2025-07-01",
    title=("THÔNG BÁO", "Địa điểm làm việc của phường Quang Trung"),
    lines=(
        "Phường Quang Trung tiếp nhận công việc của các phường Bắc Sơn, Ngọc Trạo, Phú Sơn và xã Quang Trung.",
        "Giấy tờ mà các cơ quan đó đã cấp vẫn có giá trị theo thời hạn ghi trên giấy.",
    ),
    issuer=SUCCESSOR,
)
PRIVATE: Final = Paper(
    file="Giấy xác nhận 15.pdf",
    number="15",
    symbol="UBND-XNTTHN",
    date="2025-03-12",
    title=("GIẤY XÁC NHẬN", "Tình trạng hôn nhân"),
    lines=("Xác nhận bà Trần Thị Ví Dụ hiện chưa đăng ký kết hôn với ai.",),
)
PAPERS: Final = (REPORT, OLD_DECISION, DECISION, NOTICE, SUCCESSORS_NOTICE, PRIVATE)
"""What is written into the folder, to be anchored."""

FIGURES: Final = """\
chi_tieu,don_vi,ke_hoach,thuc_hien
Hộ gia đình có cáp quang,%,95,95
Tài khoản định danh điện tử,%,80,83
Người trưởng thành có chữ ký số,%,50,52
"""

OCOP: Final = "ocop.1"
OCOP_TABLE: Final = """\
Số giấy chứng nhận,Tên sản phẩm,Chủ thể,Địa chỉ sản xuất,Hạng sao,Quyết định công nhận,Ngày công nhận,\
Có giá trị từ,Có giá trị đến
01/CN-OCOP,Mật ong hoa rừng 500 ml,HTX Dứa Phú Sơn,Phường Phú Sơn,4,112/QĐ-UBND,14/03/2025,14/03/2025,13/03/2028
02/CN-OCOP,Dứa sấy dẻo 200 g,HTX Dứa Phú Sơn,Phường Phú Sơn,3,87/QĐ-UBND,01/06/2022,01/06/2022,31/05/2025
03/CN-OCOP,Mắm tép 300 g,Hộ kinh doanh Mắm Làng,Phường Phú Sơn,3,112/QĐ-UBND,14/03/2025,14/03/2025,13/03/2028
04/CN-OCOP,Gạo nếp cái hoa vàng 5 kg,HTX Nông nghiệp Phú Sơn,Phường Phú Sơn,3,112/QĐ-UBND,14/03/2025,14/03/2025,13/03/2028
"""
HONEY, PINEAPPLE, SHRIMP_PASTE, RICE = range(4)
"""Rows of that table: in force, expired, to be revoked, to be suspended."""
SUCCESSORS_TABLE: Final = """\
Số giấy chứng nhận,Tên sản phẩm,Chủ thể,Địa chỉ sản xuất,Hạng sao,Quyết định công nhận,Ngày công nhận
01/CN-OCOP,Dứa gai tươi,HTX Dứa Phú Sơn,Phường Quang Trung,3,15/QĐ-UBND,20/10/2025
02/CN-OCOP,Dứa sấy dẻo 200 g,HTX Dứa Phú Sơn,Phường Quang Trung,4,15/QĐ-UBND,20/10/2025
"""

MARITAL: Final = "tinh-trang-hon-nhan.1"
MARITAL_TABLE: Final = """\
Số,Họ và tên,Ngày sinh,Giới tính,Quốc tịch,Giấy tờ tùy thân,Nơi cư trú,Tình trạng hôn nhân,Mục đích sử dụng
16/UBND-XNTTHN,Trần Thị Ví Dụ,05/03/1998,Nữ,Việt Nam,Căn cước (thí dụ),Tổ 3 phường Phú Sơn,Chưa đăng ký kết hôn với ai,Kết hôn
17/UBND-XNTTHN,Nguyễn Văn Tỉ,21/11/1990,Nam,Việt Nam,Căn cước (thí dụ),Tổ 5 phường Phú Sơn,Chưa đăng ký kết hôn với ai,Vay vốn
"""
KEPT_HOLDER, ERASED_HOLDER = range(2)
"""Rows of that table: somebody whose claims an officer looks at, and somebody who asks for erasure."""
