"""The text that lies in every export and backup, for whoever finds the folder in twenty years."""

from __future__ import annotations


def readme(*, origin: str, chain_id: bytes, size: int, root: bytes) -> str:
    """`README.txt` of a copy of the ledger `origin`, whose checkpoint has `size` leaves and `root`."""
    return _TEXT.format(origin=origin, chain_id=chain_id.hex(), size=size, root=root.hex())


_TEXT = """\
SỔ GỐC: BẢN SAO KIỂM CHỨNG ĐƯỢC CỦA MỘT SỔ CÁI
==============================================

  sổ (origin)       {origin}
  mã chuỗi          {chain_id}
  số lá             {size}
  gốc cây (SHA-256) {root}

Thư mục này là gì
  Toàn bộ sổ cái dưới dạng tệp tĩnh: mọi mục, mọi bản ghi, cây băm, và điểm kiểm (checkpoint) có chữ ký. Không cần máy chủ,
  không cần tài khoản, không cần mạng. Đặt thư mục lên bất kỳ máy chủ web nào là có một bản sao công khai (mirror).

Kiểm tra bằng sogoc
  sogoc audit THƯ_MỤC_NÀY --level full
  sogoc verify 'Văn bản.pdf' --policy CHÍNH_SÁCH        (biên nhận .tlog-proof nằm cạnh văn bản)
  Không có sogoc: mở verifier.html bằng trình duyệt, kể cả không có mạng (bản sao lưu không kèm tệp này).
  Hãy dùng tệp chính sách (policy) do cơ quan công bố hoặc bạn đã giữ từ trước. Tệp `policy` ở đây chỉ để tiện: ai sửa được
  thư mục này thì cũng sửa được tệp đó.

Trong thư mục có gì
  checkpoint           điểm kiểm: tên sổ, số lá, gốc cây, chữ ký của sổ và của người đồng xác nhận
  tile/0, tile/1, …    cây băm, mỗi tệp tối đa 256 giá trị băm
  tile/entries         các lá của sổ: khối gốc, các mục đã ký, tiêu đề các khối
  tile/records         các bản ghi của từng mục; với tiêu đề khối là chữ ký của người đề xuất
  genesis              khối gốc (lá 0); SHA-256 của tài liệu trong đó là mã chuỗi
  policy               chính sách tin cậy: khóa của sổ, khóa của người đồng xác nhận, cần bao nhiêu chữ ký


SỔ GỐC: A COPY OF A LEDGER THAT CAN BE CHECKED
==============================================

What this folder is
  The whole ledger as static files: every entry, every record, the hash tree, and a signed checkpoint over it. It needs no
  server, no account and no network. Put it on any web server and it is a public mirror.

Checking it with sogoc
  sogoc audit THIS_FOLDER --level full
  sogoc verify 'Document.pdf' --policy POLICY           (with the .tlog-proof receipt beside the document)
  Without sogoc: open verifier.html in a browser, with or without a network (a backup does not hold it).
  Use a policy file that the office published, or that you have kept. The file `policy` here is a convenience: whoever can
  change this folder can change that file too.

Checking it with other programs
  The files follow public formats, so any program that knows these can read and check them:
    c2sp.org/tlog-checkpoint, c2sp.org/signed-note   the file `checkpoint`
    c2sp.org/tlog-cosignature                        the cosignatures on it (type 0x04)
    c2sp.org/tlog-policy                             the file `policy`
    c2sp.org/tlog-tiles                              `tile/…` and `tile/entries/…`
    RFC 9162, section 2.1                            the tree: SHA-256, 0x00 before a leaf, 0x01 before two nodes
  Point a tlog-tiles client at this folder, or at its address, with `policy` as its trust policy. By hand: split a file of
  tile/entries into its leaves (each behind its length, two bytes, big-endian); SHA-256 of a zero byte and the leaf must stand
  at the leaf's place in tile/0; and the tree over all of tile/0 must give the root in `checkpoint`.

What is in it
  checkpoint           name of the ledger, number of leaves, root of the tree; the log's signature and the cosignatures
  tile/0, tile/1, …    the hash tree, up to 256 hashes in a file
  tile/entries         the leaves: the genesis document, the signed entries, the header of each block
  tile/records         under the same numbers, for each leaf: a count in two bytes and that many items, each behind its length
                       in two bytes: an entry's records, or the proposer's signature of a header
  genesis              leaf 0; the SHA-256 of the document in it is the chain id
  policy               the trust policy: keys of the log and of its cosigners, and how many must agree
"""
