package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

var roleNames = []string{
	"administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator",
}

// field is one row of a type's field table.
type field struct {
	kind     string
	required bool
}

// recordType is what the specification says of one type before the state is asked.
type recordType struct {
	roles       []string
	bySuccessor bool
	fields      map[string]field
}

const (
	kindWord       = "word"
	kindLabel      = "number"
	kindDecision   = "number 40"
	kindHash       = "bytes 32"
	kindIdentifier = "bytes 16"
	kindSignature  = "bytes 64"
	kindLine60     = "line 60"
	kindLine200    = "line 200"
	kindLine1000   = "line 1000"
	kindDate       = "date"
	kindMedia      = "media type"
	kindNatural    = "natural"
	kindTo64       = "0 to 64"
	kindFrom1To64  = "1 to 64"
	kindFrom1To256 = "1 to 256"
	kindPlace      = "0 to 2147483647"
	kindRoles      = "roles"
	kindOneOf      = "one of: "
	allWordLetters = "-.0123456789_abcdefghijklmnopqrstuvwxyz"
	allNumbers     = "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)

// Words of fields that have a list of them.
const (
	documentKinds = kindOneOf + "ban-ghi-nho, ban-thoa-thuan, bao-cao, bien-ban, chi-thi, chuong-trinh, cong-dien, cong-van, de-an, " +
		"du-an, giay-gioi-thieu, giay-moi, giay-nghi-phep, giay-uy-quyen, giay-xac-nhan, hop-dong, huong-dan, ke-hoach, khac, " +
		"nghi-quyet, phieu-bao, phieu-chuyen, phieu-gui, phuong-an, quy-che, quy-dinh, quyet-dinh, thong-bao, thong-cao, " +
		"thu-cong, to-trinh"
	secrecies   = kindOneOf + "khong, mat, toi-mat, tuyet-mat"
	urgencies   = kindOneOf + "hoa-toc, khan, thuong-khan"
	reasons     = kindOneOf + "no-longer-applies, obtained-by-fraud, ordered, other, recorded-in-error, unlawful, wrong-content"
	integrity   = kindOneOf + "broken, intact"
	coverage    = kindOneOf + "revision, unclear, whole-file"
	changes     = kindOneOf + "none, not-permitted, permitted"
	trust       = kindOneOf + "expired, not-checked, revoked, trusted, untrusted"
	revocations = kindOneOf + "conditions-ended, decision-annulled, holder-request, issued-in-error, obtained-by-deceit, other, replaced"
	suspensions = kindOneOf + "complaint, conditions-in-doubt, holder-request, other, under-review"
	notASecret  = "khong"
)

var (
	issuers       = []string{"issuer"}
	keepers       = []string{"issuer", "office"}
	staters       = []string{"inspector", "issuer", "office"}
	administrator = []string{"administrator"}
	keyManagers   = []string{"administrator", "key-manager"}
)

// recordTypes are the types that this program judges: certificates, documents, members and keys.
var recordTypes = map[string]recordType{
	"cert.issue/1": {issuers, false, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindIdentifier, true}, "claims_count": {kindFrom1To256, true},
		"claims_root": {kindHash, true}, "schema": {kindWord, true}, "status_index": {kindPlace, false},
		"valid_from": {kindDate, false}, "valid_until": {kindDate, false},
	}},
	"cert.paper/1": {issuers, false, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindIdentifier, true}, "hash": {kindHash, true},
	}},
	"cert.reinstate/1": {issuers, true, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindIdentifier, true}, "decision": {kindDecision, false},
	}},
	"cert.renew/1": {issuers, true, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindIdentifier, true}, "valid_until": {kindDate, true},
	}},
	"cert.revoke/1": {issuers, true, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindIdentifier, true}, "reason": {revocations, true},
	}},
	"cert.suspend/1": {issuers, true, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindIdentifier, true}, "reason": {suspensions, true},
	}},
	"doc.anchor/1": {staters, false, map[string]field{
		"abstract": {kindLine1000, false}, "authority": {kindWord, true}, "book": {kindWord, false},
		"commitment": {kindHash, false}, "continues": {kindHash, false}, "date": {kindDate, false}, "hash": {kindHash, false},
		"kind": {documentKinds, false}, "media_type": {kindMedia, false}, "number": {kindLabel, false},
		"number_tag": {kindHash, false}, "secrecy": {secrecies, false}, "size": {kindNatural, false},
		"symbol": {kindLine60, false}, "urgency": {urgencies, false},
	}},
	"doc.copy/1": {keepers, false, map[string]field{
		"authority": {kindWord, true}, "commitment": {kindHash, true}, "continues": {kindHash, false},
		"number_tag": {kindHash, false}, "original": {kindHash, false}, "original_authority": {kindWord, false},
	}},
	"doc.correct/1": {staters, true, map[string]field{
		"authority": {kindWord, true}, "by": {kindHash, true}, "by_authority": {kindWord, false}, "document": {kindHash, true},
	}},
	"doc.paper/1": {keepers, false, map[string]field{
		"authority": {kindWord, true}, "document": {kindHash, true}, "hash": {kindHash, true},
	}},
	"doc.signatures/1": {keepers, false, map[string]field{
		"authority": {kindWord, true}, "certificate": {kindHash, false}, "changes": {changes, false},
		"count": {kindTo64, true}, "coverage": {coverage, false}, "document": {kindHash, true}, "integrity": {integrity, false},
		"position": {kindFrom1To64, false}, "signed_ms": {kindNatural, false}, "trust": {trust, false},
	}},
	"doc.supersede/1": {staters, true, map[string]field{
		"authority": {kindWord, true}, "by": {kindHash, true}, "by_authority": {kindWord, false}, "document": {kindHash, true},
	}},
	"doc.withdraw/1": {staters, true, map[string]field{
		"authority": {kindWord, true}, "document": {kindHash, true}, "reason": {reasons, true},
	}},
	"key.register/1": {keyManagers, false, map[string]field{
		"authority": {kindWord, true}, "key": {kindHash, true}, "member": {kindWord, true},
		"possession": {kindSignature, true}, "roles": {kindRoles, true}, "until_ms": {kindNatural, false},
	}},
	"key.retire/1": {roleNames, false, map[string]field{
		"authority": {kindWord, true}, "key": {kindHash, true}, "member": {kindWord, true},
	}},
	"key.revoke/1": {roleNames, false, map[string]field{
		"authority": {kindWord, true}, "from_ms": {kindNatural, true}, "key": {kindHash, true}, "member": {kindWord, true},
	}},
	"key.rotate/1": {roleNames, false, map[string]field{
		"authority": {kindWord, true}, "key": {kindHash, true}, "possession": {kindSignature, true},
	}},
	"member.register/1": {administrator, false, map[string]field{
		"authority": {kindWord, true}, "decision": {kindLine200, false}, "key": {kindHash, false}, "member": {kindWord, true},
		"name": {kindLine200, true}, "possession": {kindSignature, false}, "roles": {kindRoles, true},
	}},
	"member.roles/1": {administrator, false, map[string]field{
		"authority": {kindWord, true}, "decision": {kindLine200, false}, "key": {kindHash, false}, "member": {kindWord, true},
		"possession": {kindSignature, false}, "roles": {kindRoles, true},
	}},
}

// notJudged are the types that the specification has and this program does not know: what holds one of them is "cannot tell".
// So it does not follow a ledger past the first vote, succession, parameter, access, erasure or change of validators. It does
// know, from the rows in a receipt, who succeeds whom. What the validators after a change have cosigned is "cannot tell" to it as
// well: it knows the keys of the policy that it is given, and no other.
var notJudged = []string{
	"access.log/1", "checkpoint.witness/1", "epcis.error/1", "epcis.event/1", "erase.tombstone/1", "governance.approve/1",
	"governance.propose/1", "governance.withdraw/1", "lot.create/1", "lot.recall/1", "lot.release/1", "parameter.set/1",
	"place.end/1", "place.register/1", "product.end/1", "product.register/1", "product.update/1", "succession.cancel/1",
	"succession.declare/1", "succession.handover/1", "validator.set/1",
}

// unknownType is a record of a type that is not in recordTypes: no evidence of anything.
type unknownType struct{ name string }

func (u unknownType) Error() string {
	return fmt.Sprintf("the record type %q is not known here: cannot tell", u.name)
}

// Unwrap makes it a doubt, however it is wrapped.
func (u unknownType) Unwrap() error { return doubt{u.Error()} }

// mediaType has the letters of RFC 6838's restricted names, in lower case.
var mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$`)

var dateForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

func kindHolds(kind string, value any) bool {
	switch kind {
	case kindHash:
		raw, ok := value.([]byte)
		return ok && len(raw) == 32
	case kindSignature:
		raw, ok := value.([]byte)
		return ok && len(raw) == 64
	case kindNatural:
		n, ok := value.(int64)
		return ok && n >= 0
	case kindIdentifier:
		raw, ok := value.([]byte)
		return ok && len(raw) == 16
	case kindTo64, kindFrom1To64, kindFrom1To256, kindPlace:
		n, ok := value.(int64)
		bounds := map[string][2]int64{
			kindTo64: {0, 64}, kindFrom1To64: {1, 64}, kindFrom1To256: {1, 256}, kindPlace: {0, 1<<31 - 1},
		}[kind]
		return ok && n >= bounds[0] && n <= bounds[1]
	case kindRoles:
		items, ok := value.([]any)
		_, err := parseRoles(items)
		return ok && err == nil
	}
	s, ok := value.(string)
	if !ok {
		return false
	}
	if words, ok := strings.CutPrefix(kind, kindOneOf); ok {
		return slices.Contains(strings.Split(words, ", "), s)
	}
	switch kind {
	case kindWord:
		return isOf(s, 64, allWordLetters)
	case kindLabel:
		return isOf(s, 20, allNumbers)
	case kindDecision:
		return isOf(s, 40, allNumbers)
	case kindLine60:
		return isLine(s, 60)
	case kindLine200:
		return isLine(s, 200)
	case kindLine1000:
		return isLine(s, 1000)
	case kindMedia:
		return len(s) >= 3 && len(s) <= 127 && mediaType.MatchString(s)
	case kindDate:
		_, err := time.Parse("2006-01-02", s)
		return err == nil && dateForm.MatchString(s) && s >= "1900-01-01"
	}
	panic("no such kind of field: " + kind)
}

func isOf(s string, most int, letters string) bool {
	return len(s) >= 1 && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(letters, r)
	})
}

// isLine is text without U+0000–U+001F, U+007F–U+009F (Unicode's controls), U+2028–U+202E and U+2066–U+2069.
func isLine(s string, most int) bool {
	return len(s) >= 1 && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || 0x2028 <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
	})
}

// parseRoles reads a list of roles: known, ascending, each once, at least one.
func parseRoles(items []any) ([]string, error) {
	var out []string
	for _, item := range items {
		role, ok := item.(string)
		if !ok || !slices.Contains(roleNames, role) || (len(out) > 0 && role <= out[len(out)-1]) {
			return nil, errors.New("not a list of roles")
		}
		out = append(out, role)
	}
	if len(out) == 0 {
		return nil, errors.New("no roles")
	}
	return out, nil
}

// Record is one statement, checked against its field table.
type Record struct {
	raw  []byte
	Type string
	Body Map
}

func checkRecordSize(raw []byte) error {
	// A record of 64 bytes could pass for the two hashes under an inner node.
	if len(raw) < 1 || len(raw) > 65535 || len(raw) == 64 {
		return fmt.Errorf("record: it has %d bytes", len(raw))
	}
	return nil
}

// decodeRecord reads the form of a record; check tells whether it says what its type may say.
func decodeRecord(raw []byte) (*Record, error) {
	if err := checkRecordSize(raw); err != nil {
		return nil, err
	}
	value, err := Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	f := arrayOf("record", value, 2)
	record := &Record{raw: raw, Type: f.text(0)}
	body, ok := f.items[1].(Map)
	if !ok || len(record.Type) < 1 || len(record.Type) > 32 {
		f.fail("not a type and a body")
	}
	record.Body = body
	if _, ok := recordTypes[record.Type]; !ok && f.err == nil {
		f.err = unknownType{record.Type}
	}
	return record, f.err
}

func (r *Record) check() error {
	table := recordTypes[r.Type]
	for name, value := range r.Body {
		if row, ok := table.fields[name]; !ok || !kindHolds(row.kind, value) {
			return fmt.Errorf("%s: the field %q is not as its table says", r.Type, name)
		}
	}
	for name, row := range table.fields {
		if _, ok := r.Body[name]; row.required && !ok {
			return fmt.Errorf("%s: the field %q is missing", r.Type, name)
		}
	}
	switch r.Type {
	case "cert.issue/1":
		// Dates of one fixed form compare as texts.
		if r.has("valid_from") && r.has("valid_until") && r.text("valid_until") < r.text("valid_from") {
			return errors.New("cert.issue/1: the last day is before the first")
		}
	case "doc.anchor/1":
		return r.checkAnchor()
	case "doc.copy/1":
		if r.has("original_authority") && !r.has("original") {
			return errors.New("doc.copy/1: whose original, and no original")
		}
		return r.checkContinues()
	case "doc.correct/1", "doc.supersede/1":
		if r.other() == r.text("authority") && bytes.Equal(r.bytes("by"), r.bytes("document")) {
			return fmt.Errorf("%s: a document in its own place", r.Type)
		}
	case "doc.paper/1":
		if bytes.Equal(r.bytes("hash"), r.bytes("document")) {
			return errors.New("doc.paper/1: a document as its own copy")
		}
	case "doc.signatures/1":
		return r.checkSignatures()
	case "member.register/1", "member.roles/1":
		if r.has("key") != r.has("possession") {
			return fmt.Errorf("%s: a key without the signature that shows it, or the reverse", r.Type)
		}
		if r.Type == "member.register/1" && slices.Contains(r.roles(), "administrator") && !r.has("key") {
			return errors.New("member.register/1: an administrator without a key")
		}
	}
	return nil
}

func (r *Record) checkAnchor() error {
	hashed, committed := r.has("hash"), r.has("commitment")
	if r.has("secrecy") && r.text("secrecy") != notASecret {
		return errors.New("doc.anchor/1: a secret")
	}
	if hashed == committed {
		return errors.New("doc.anchor/1: not exactly one of hash and commitment")
	}
	if hashed && !(r.has("media_type") && r.has("size")) {
		return errors.New("doc.anchor/1: a hash without media type and size")
	}
	if hashed && r.has("number_tag") {
		return errors.New("doc.anchor/1: a tag where the number itself is public")
	}
	for name := range r.Body {
		if committed && !slices.Contains([]string{"authority", "commitment", "continues", "number_tag"}, name) {
			return fmt.Errorf("doc.anchor/1: %s beside a commitment", name)
		}
	}
	if r.has("number") && !r.has("date") {
		return errors.New("doc.anchor/1: a number without a date")
	}
	if r.has("book") && !r.has("number") {
		return errors.New("doc.anchor/1: a book without a number")
	}
	return r.checkContinues()
}

func (r *Record) checkContinues() error {
	if !r.has("continues") {
		return nil
	}
	if !r.has("number") && !r.has("number_tag") {
		return fmt.Errorf("%s: it continues a document in no number", r.Type)
	}
	if bytes.Equal(r.bytes("continues"), r.document()) {
		return fmt.Errorf("%s: it continues itself", r.Type)
	}
	return nil
}

func (r *Record) checkSignatures() error {
	found := r.Body["count"].(int64)
	for _, name := range []string{"changes", "coverage", "integrity", "position", "trust"} {
		if r.has(name) != (found > 0) {
			return fmt.Errorf("doc.signatures/1: %s with %d signatures found", name, found)
		}
	}
	if found == 0 && (r.has("certificate") || r.has("signed_ms")) {
		return errors.New("doc.signatures/1: something about a signature, and none was found")
	}
	if found > 0 && r.Body["position"].(int64) > found {
		return errors.New("doc.signatures/1: a signature beyond those found")
	}
	return nil
}

func (r *Record) has(name string) bool {
	_, ok := r.Body[name]
	return ok
}

func (r *Record) ID() []byte              { return leafHash(r.raw) }
func (r *Record) text(name string) string { return r.Body[name].(string) }
func (r *Record) bytes(name string) []byte {
	raw, _ := r.Body[name].([]byte)
	return raw
}

func (r *Record) roles() []string {
	items, _ := r.Body["roles"].([]any)
	roles, _ := parseRoles(items)
	return roles
}

// other is whose document the one in "by" is.
func (r *Record) other() string {
	if r.has("by_authority") {
		return r.text("by_authority")
	}
	return r.text("authority")
}

// document is what a record of a document knows it by.
func (r *Record) document() []byte {
	for _, name := range []string{"document", "hash", "commitment"} {
		if r.has(name) {
			return r.bytes(name)
		}
	}
	return nil
}

// subject is the key, in the state, of what the record is about.
func (r *Record) subject() []any {
	switch {
	case strings.HasPrefix(r.Type, "cert."):
		return []any{"subject", "certificate", r.text("authority"), r.bytes("certificate")}
	case strings.HasPrefix(r.Type, "doc."):
		return documentSubject(r.text("authority"), r.document())
	case strings.HasPrefix(r.Type, "member."):
		return []any{"subject", "member", r.text("member"), r.text("member")}
	case r.Type == "key.rotate/1":
		return keySubject(r.text("authority"), r.bytes("key"))
	}
	return keySubject(r.text("member"), r.bytes("key"))
}

func documentSubject(authority string, document []byte) []any {
	return []any{"subject", "document", authority, document}
}

func keySubject(member string, key []byte) []any { return []any{"subject", "key", member, key} }
