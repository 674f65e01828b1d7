package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxProofBytes   = 3_000_000
	maxProofRecords = 1_000
	maxClaims       = 256
	maxClaimText    = 4_096
)

// listed is a record of a certificate as its proof lists it.
type listed struct {
	body   []byte
	index  int64
	record []byte
	place  *logPlace // nil where it does not matter when the record came
}

// logPlace is where an entry stands in the log, and in which block.
type logPlace struct {
	signature   []byte
	index       uint64
	path        [][]byte
	headerLeaf  []byte
	headerIndex uint64
	headerPath  [][]byte
}

func parsePlace(value any) (*logPlace, error) {
	f := arrayOf("place", value, 6)
	place := &logPlace{f.bytes(0, 64), uint64(f.natural(1)), f.hashes(2), f.bytes(3, -1), uint64(f.natural(4)), f.hashes(5)}
	if len(place.path) > maxPath || len(place.headerPath) > maxPath {
		f.fail("a path is too long")
	}
	return place, f.err
}

// time is that of the entry's block.
func (p *logPlace) time(body []byte, proven *Proven) (int64, error) {
	leaf := slices.Concat([]byte{0x93, tagEntry}, body, []byte{0xc4, 64}, p.signature)
	if err := checkInclusion(leafHash(leaf), p.index, proven.Size, p.path, proven.Root); err != nil {
		return 0, fmt.Errorf("the entry in the log: %w", err)
	}
	if err := checkInclusion(leafHash(p.headerLeaf), p.headerIndex, proven.Size, p.headerPath, proven.Root); err != nil {
		return 0, fmt.Errorf("the header in the log: %w", err)
	}
	header, err := decodeHeader(p.headerLeaf)
	if err != nil {
		return 0, unreadable(err)
	}
	if uint64(header.Index()) != p.headerIndex || p.index < uint64(header.FirstIndex) || p.index >= p.headerIndex {
		return 0, errors.New("the entry is not in the block that is shown with it")
	}
	return header.Time, nil
}

// certificateProof is a proof file as it came.
type certificateProof struct {
	receipt string
	records []listed
	keys    []*stateProof
	claims  *claims
}

func parseCertificateProof(data []byte) (*certificateProof, error) {
	if len(data) > maxProofBytes {
		return nil, errors.New("certificate's proof: it is too large")
	}
	value, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("certificate's proof: %w", err)
	}
	f := openArray("certificate's proof", "version", value, 2, 5)
	if f.err != nil {
		return nil, f.err
	}
	proof := &certificateProof{receipt: f.text(1)}
	records, keys := f.list(2), f.list(3)
	if len(records) < 1 || len(records) > maxProofRecords || len(keys) > maxProofRecords {
		f.fail("it lists no record, or too much")
	}
	for _, item := range records {
		r := arrayOf("record of a proof", item, 4)
		one := listed{body: r.bytes(0, -1), index: r.natural(1), record: r.bytes(2, -1)}
		if r.items[3] != nil {
			one.place, err = parsePlace(r.items[3])
			f.join(err)
		}
		f.join(r.err)
		f.join(checkRecordSize(one.record))
		proof.records = append(proof.records, one)
	}
	for _, item := range keys {
		key, err := parseStateProof("key proof", item)
		f.join(err)
		proof.keys = append(proof.keys, key)
	}
	if f.err == nil && f.items[4] != nil {
		proof.claims, err = parseClaims(f.items[4])
		f.join(err)
	}
	return proof, f.err
}

// claim is one that is shown. Of all claims with their salt, index, mac and path are computed.
type claim struct {
	index int64
	name  string
	value any
	mac   []byte
	path  [][]byte
}

// claims are all of a certificate's, or some.
type claims struct {
	salt  []byte // nil where only some are shown
	count int64
	shown []claim
}

func parseClaims(value any) (*claims, error) {
	items, ok := value.([]any)
	if !ok || len(items) != 3 || items[0] != any(int64(0)) && items[0] != any(int64(1)) {
		return nil, unknown("claims of a form that is not known here")
	}
	f := arrayOf("claims", value, 3)
	c := &claims{}
	if items[0] == any(int64(0)) {
		c.salt = f.bytes(1, 32)
		for i, item := range f.list(2) {
			pair := arrayOf("claim", item, 2)
			c.shown = append(c.shown, claim{index: int64(i), name: pair.text(0), value: pair.items[1]})
			f.join(pair.err)
		}
		c.count = int64(len(c.shown))
	} else {
		c.count = f.natural(1)
		for _, item := range f.list(2) {
			one := arrayOf("shown claim", item, 5)
			c.shown = append(c.shown, claim{one.natural(0), one.text(1), one.items[2], one.bytes(3, 32), one.hashes(4)})
			f.join(one.err)
		}
	}
	if c.count < 1 || c.count > maxClaims || len(c.shown) < 1 || len(c.shown) > maxClaims {
		f.fail("there are none, or too many")
	}
	seen := map[string]bool{}
	for i, one := range c.shown {
		if !isOf(one.name, 64, allWordLetters) || seen[one.name] || !isClaimValue(one.value) || len(one.path) > maxPath {
			f.fail("claim %d is not one", i)
		}
		if i > 0 && one.index <= c.shown[i-1].index {
			f.fail("claim %d is out of order", i)
		}
		seen[one.name] = true
	}
	return c, f.err
}

func isClaimValue(value any) bool {
	switch v := value.(type) {
	case nil, bool, int64:
		return true
	case string:
		return len(v) <= maxClaimText
	}
	return false
}

func claimLeaf(name string, value any, mac []byte) []byte {
	return leafHash(Encode([]any{name, value, mac}))
}

// check holds claims against what the issue commits to.
func (c *claims) check(issue *Record) error {
	root, count := issue.bytes("claims_root"), issue.Body["claims_count"].(int64)
	if c.count != count {
		return errors.New("the certificate has another number of claims")
	}
	if c.salt != nil {
		var leaves [][]byte
		for _, one := range c.shown {
			mac := hmac.New(sha256.New, c.salt)
			mac.Write([]byte(one.name))
			leaves = append(leaves, claimLeaf(one.name, one.value, mac.Sum(nil)))
		}
		if !bytes.Equal(treeRoot(leaves), root) {
			return errors.New("the claims are not the certificate's")
		}
		return nil
	}
	for _, one := range c.shown {
		leaf := claimLeaf(one.name, one.value, one.mac)
		if err := checkInclusion(leaf, uint64(one.index), uint64(count), one.path, root); err != nil {
			return fmt.Errorf("claim %s: %w", one.name, err)
		}
	}
	return nil
}

// checkRecords shows that the list is the certificate's whole history, and who signed each record of it.
func (p *certificateProof) checkRecords(a *Answer) ([]*Record, []bool, error) {
	var tree frontier
	for _, one := range p.records {
		id := hash(inContext(contextEntry, one.body))
		tree.add(leafHash(Encode([]any{id, one.index, leafHash(one.record)})))
	}
	if tree.size != a.Subject.tree.size || !bytes.Equal(tree.root(), a.Subject.tree.root()) {
		return nil, nil, errors.New("the list is not the certificate's history")
	}
	rows := map[string]*keyRow{string(a.Entry.Author): a.Key}
	keys := p.keys
	var authors []string
	for _, one := range p.records {
		entry, err := decodeBody(one.body)
		if err != nil {
			return nil, nil, unreadable(err)
		}
		authors = append(authors, string(entry.Author))
	}
	for _, author := range authors {
		if rows[author] != nil {
			continue
		}
		if len(keys) == 0 {
			return nil, nil, errors.New("the row of a key that signed is missing")
		}
		row, err := keyRowOf(keys[0], []byte(author), a.Header.StateRoot)
		if err != nil {
			return nil, nil, err
		}
		rows[author], keys = row, keys[1:]
	}
	if len(keys) > 0 {
		return nil, nil, errors.New("there are rows of keys that signed nothing here, or were there already")
	}
	var records []*Record
	var disputed []bool
	for i, one := range p.records {
		record, err := decodeRecord(one.record)
		if err != nil {
			return nil, nil, unreadable(err)
		}
		if err := record.check(); err != nil {
			return nil, nil, err
		}
		latest := a.Subject.latest(i == 0)
		if one.place != nil {
			if latest, err = one.place.time(one.body, a.Proven); err != nil {
				return nil, nil, err
			}
		}
		records = append(records, record)
		disputed = append(disputed, rows[authors[i]].disputedBy(latest))
	}
	return records, disputed, nil
}

func keyRowOf(proof *stateProof, author, root []byte) (*keyRow, error) {
	if !bytes.Equal(proof.key, Encode([]any{"key", author})) || proof.value == nil {
		return nil, errors.New("a key proof is not of the key whose turn it is")
	}
	if err := proof.check(root); err != nil {
		return nil, err
	}
	value, err := Decode(proof.value)
	if err != nil {
		return nil, unreadable(err)
	}
	row, err := parseKeyRow(value)
	return row, unreadable(err)
}

// judgeCertificate gives the verdict on a certificate by its proof file and, if it is given, the hash of what is said to be its
// paper, at the reader's clock, if there is one.
func judgeCertificate(data, paper []byte, policy *Policy, now *int64) *Answer {
	proof, err := parseCertificateProof(data)
	if err != nil {
		return (&Answer{}).say(CannotTell, err.Error())
	}
	answer := readReceipt([]byte(proof.receipt), policy)
	if answer.Record == nil {
		return answer
	}
	if !strings.HasPrefix(answer.Record.Type, "cert.") {
		return answer.say(CannotTell, "the receipt is not one for a certificate")
	}
	records, disputed := []*Record{answer.Record}, []bool{false}
	if answer.Subject != nil {
		if records, disputed, err = proof.checkRecords(answer); err != nil {
			return answer.fail(err)
		}
	} else if answer.Record.Type != "cert.issue/1" {
		return answer.say(CannotTell, "the receipt has no state, and is not that of the issue")
	}
	certificate, err := certificateOf(records, disputed)
	if err != nil {
		return answer.fail(err)
	}
	certificate.Complete = answer.Subject != nil
	if proof.claims != nil {
		if err := proof.claims.check(certificate.Issue); err != nil {
			return answer.fail(err)
		}
	}
	if err := certificate.checkPaper(paper); err != nil {
		return answer.fail(err)
	}
	answer.Certificate = certificate
	if proof.claims != nil {
		for _, one := range proof.claims.shown {
			answer.Claims = append(answer.Claims, [2]any{one.name, one.value})
		}
	}
	isDoubtful := paper != nil && !among(paper, certificate.Papers)
	answer.judgeStatus(certificate.StatusDisputed || isDoubtful)
	answer.judgeDays(now)
	return answer
}
