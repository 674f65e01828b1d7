package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ownDisputeMs is how far back a key that manages no keys may dispute what it signed itself.
const ownDisputeMs = 24 * 60 * 60 * 1000

// block is what the rules may know of the block that an entry is in.
type block struct {
	time       int64
	parameters map[string]int64
	chainID    []byte
}

// applyEntry checks an entry against the state and applies it. On an error the state is of no further use:
// an audit ends there, since no block may hold a refused entry.
func (s *State) applyEntry(b block, index int64, leaf []byte, raws [][]byte) error {
	entry, err := decodeEntry(leaf)
	if err != nil {
		return err
	}
	records, err := checkRecords(entry, raws)
	if err != nil {
		return err
	}
	if err := entry.checkAuthor(); err != nil {
		return err
	}
	if size := len(submission(leaf, raws)); size > maxSubmission {
		return fmt.Errorf("as a submission the entry would have %d bytes", size)
	}
	id := entry.ID()
	if _, ok := s.get([]any{"entry", id}); ok {
		return errors.New("entry.duplicate")
	}
	if !bytes.Equal(entry.ChainID, b.chainID) {
		return errors.New("entry.chain")
	}
	if entry.Time > b.time+b.parameters["entry-time-ahead-ms"] {
		return errors.New("entry.time-ahead")
	}
	author, ok := s.key(entry.Author)
	if !ok {
		return errors.New("key.unknown")
	}
	if author.Revoked != nil {
		return errors.New("key.revoked")
	}
	if author.Retired != nil && (entry.Time > *author.Retired || b.time-*author.Retired > b.parameters["key-grace-ms"]) {
		return errors.New("key.retired")
	}
	member, err := s.member(author.Member)
	if err != nil {
		return err
	}
	for _, end := range []*int64{author.Until, member.Ended} {
		if end != nil && b.time > *end && (entry.Time > *end || b.time-*end > b.parameters["key-grace-ms"]) {
			return errors.New("key.expired or member.ended")
		}
	}
	for _, record := range records {
		if err := s.checkAuthority(b, author, record); err != nil {
			return err
		}
	}
	for i, record := range records {
		t := turn{b, entry.Author, author.Member, record, Encode([]any{id, int64(i), record.ID()})}
		status, err := s.applyType(t)
		if err == nil {
			err = s.join(t, record.subject(), status)
		}
		if err != nil {
			return fmt.Errorf("record %d, %s: %w", i, record.Type, err)
		}
	}
	s.set([]any{"entry", id}, index)
	return nil
}

func submission(leaf []byte, raws [][]byte) []byte {
	var items []any
	for _, raw := range raws {
		items = append(items, raw)
	}
	return Encode([]any{0, leaf, items})
}

func checkRecords(entry *Entry, raws [][]byte) ([]*Record, error) {
	if int64(len(raws)) != entry.Count {
		return nil, errors.New("the entry's count is not that of its records")
	}
	var records []*Record
	var leaves [][]byte
	seen := map[string]bool{}
	for i, raw := range raws {
		record, err := decodeRecord(raw)
		if err == nil {
			err = record.check()
		}
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		if seen[string(raw)] {
			return nil, fmt.Errorf("record %d is there twice", i)
		}
		seen[string(raw)] = true
		records = append(records, record)
		leaves = append(leaves, record.ID())
	}
	if !bytes.Equal(treeRoot(leaves), entry.Root) {
		return nil, errors.New("the entry's records_root is not that of its records")
	}
	return records, nil
}

// checkAuthority asks whether this key may speak for that member in this kind of matter.
func (s *State) checkAuthority(b block, author *keyRow, record *Record) error {
	table, authority := recordTypes[record.Type], record.text("authority")
	if author.Member != authority {
		line, rows := lineOf(authority, func(name string) *memberRow { row, _ := s.member(name); return row })
		if !table.bySuccessor || !actsFor(author.Member, authority, line, rows, b.time) {
			return errors.New("authority.not-acting")
		}
	}
	member, err := s.member(author.Member)
	if err != nil {
		return err
	}
	for _, role := range table.roles {
		if slices.Contains(author.Roles, role) && slices.Contains(member.Roles, role) {
			return nil
		}
	}
	return errors.New("authority.role")
}

// turn is a record whose turn has come: the block, who signed it, and what goes into the histories that it joins.
type turn struct {
	block
	author []byte
	member string
	record *Record
	leaf   []byte
}

// applyType is each type's own rule; it returns the status that the subject gets.
func (s *State) applyType(t turn) (string, error) {
	switch family, _, _ := strings.Cut(t.record.Type, "."); family {
	case "cert":
		return s.applyCertificate(t)
	case "doc":
		return s.applyDocument(t)
	case "member":
		return s.applyMember(t)
	}
	return s.applyKey(t)
}

func (s *State) applyDocument(t turn) (string, error) {
	r := t.record
	row, err := s.subjectRow(r.subject())
	if err != nil {
		return "", err
	}
	switch r.Type {
	case "doc.anchor/1", "doc.copy/1":
		if row != nil {
			return "", errors.New("the document is anchored already")
		}
		if err := s.checkOriginal(r); err != nil {
			return "", err
		}
		return statusInForce, s.takeNumber(t)
	case "doc.signatures/1":
		if row == nil {
			return "", errors.New("the document is not anchored")
		}
		return row.Status, nil
	}
	if row == nil || row.Status != statusInForce {
		return "", errors.New("the document is not anchored, or not in force")
	}
	switch r.Type {
	case "doc.withdraw/1":
		return "withdrawn", nil
	case "doc.paper/1":
		return statusInForce, nil
	}
	if other := r.other(); other != r.text("authority") && other != t.member {
		return "", errors.New("the other document is of a third member")
	}
	other := documentSubject(r.other(), r.bytes("by"))
	if row, err := s.subjectRow(other); err != nil || row == nil || row.Status != statusInForce {
		return "", errors.Join(err, errors.New("the other document is not anchored, or not in force"))
	}
	if err := s.join(t, other, statusInForce); err != nil {
		return "", err
	}
	return map[string]string{"doc.correct/1": statusInForce, "doc.supersede/1": "superseded"}[r.Type], nil
}

func (s *State) checkOriginal(r *Record) error {
	if !r.has("original") {
		return nil
	}
	holder := r.text("authority")
	if r.has("original_authority") {
		holder = r.text("original_authority")
	}
	row, err := s.subjectRow(documentSubject(holder, r.bytes("original")))
	if err != nil || row == nil || row.Status != statusInForce {
		return errors.Join(err, errors.New("the original is not anchored, or not in force"))
	}
	return nil
}

// takeNumber writes a document into its number's row, if the number is free or the document's that it continues.
func (s *State) takeNumber(t turn) error {
	r := t.record
	var key []any
	switch {
	case r.has("number_tag"):
		key = []any{"number-tag", r.text("authority"), r.bytes("number_tag")}
	case r.has("number"):
		year, err := strconv.ParseInt(r.text("date")[:4], 10, 64)
		if err != nil {
			return err
		}
		book, _ := r.Body["book"].(string)
		key = []any{"number", r.text("authority"), book, year, r.text("number")}
	default:
		return nil
	}
	holder, taken := s.get(key)
	if !r.has("continues") {
		if taken {
			return errors.New("the number is taken")
		}
		s.set(key, r.ID())
		return nil
	}
	earlier := documentSubject(r.text("authority"), r.bytes("continues"))
	row, err := s.subjectRow(earlier)
	if err != nil || row == nil {
		return errors.Join(err, errors.New("the document that it continues is not anchored"))
	}
	if held, ok := holder.([]byte); !ok || !bytes.Equal(held, row.Issue) {
		return errors.New("the document that it continues does not hold the number")
	}
	becomes := "superseded"
	switch row.Status {
	case statusInForce:
	case "withdrawn":
		becomes = "withdrawn"
	default:
		return errors.New("the document that it continues is superseded already")
	}
	s.set(key, r.ID())
	return s.join(t, earlier, becomes)
}

// inService asks whether the author may decide on members and keys: the grace period does not reach these.
func (s *State) inService(t turn) error {
	key, known := s.key(t.author)
	member, err := s.member(t.member)
	if err != nil {
		return err
	}
	if !known || key.Retired != nil || key.Revoked != nil || (key.Until != nil && t.time > *key.Until) || member.over(t.time) {
		return errors.New("key.not-current")
	}
	return nil
}

// rolesNow are those that the author's key and member both hold when the record's turn comes.
func (s *State) rolesNow(t turn) []string {
	key, known := s.key(t.author)
	member, err := s.member(t.member)
	if !known || err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(key.Roles), func(role string) bool { return !slices.Contains(member.Roles, role) })
}

// governed asks for a sole administrator. With more of them there are votes, which this program does not know.
func (s *State) governed(t turn) error {
	if err := s.inService(t); err != nil {
		return err
	}
	value, _ := s.get([]any{"administrators"})
	count := 0
	for _, name := range texts(arrayOf("administrators", []any{value}, 1), 0) {
		if row, err := s.member(name); err == nil && !row.over(t.time) {
			count++
		}
	}
	if count > 1 {
		return errors.New("governance.quorum")
	}
	return nil
}

// managesKey asks who may register or end a key that has these roles.
func (s *State) managesKey(t turn, member string, key []byte, roles []string, maybeItself bool) error {
	if err := s.inService(t); err != nil {
		return err
	}
	now := s.rolesNow(t)
	isAdministrator := slices.Contains(now, "administrator")
	if member != t.member {
		if !isAdministrator {
			return errors.New("authority.role")
		}
		return s.governed(t)
	}
	if maybeItself && bytes.Equal(key, t.author) || isAdministrator {
		return nil
	}
	if slices.Contains(now, "key-manager") && !slices.Contains(roles, "administrator") {
		return nil
	}
	return errors.New("authority.role")
}

func (s *State) applyMember(t turn) (string, error) {
	if err := s.governed(t); err != nil {
		return "", err
	}
	r, id := t.record, t.record.text("member")
	member, memberErr := s.member(id)
	becomes := slices.Contains(r.roles(), "administrator")
	if r.Type == "member.register/1" {
		if memberErr == nil {
			return "", errors.New("the member exists")
		}
		if r.has("key") {
			if err := s.newKey(t, id, &keyRow{Member: id, Roles: r.roles(), Registered: t.time}); err != nil {
				return "", err
			}
		}
		s.setMember(id, &memberRow{Name: r.text("name"), Roles: r.roles(), Registered: t.time})
	} else {
		if memberErr != nil {
			return "", memberErr
		}
		switch {
		case r.has("key") && !becomes:
			return "", errors.New("a key of one that becomes no administrator")
		case r.has("key"):
			if err := s.newKey(t, id, &keyRow{Member: id, Roles: administrator, Registered: t.time}); err != nil {
				return "", err
			}
		case becomes && !slices.Contains(member.Roles, "administrator"):
			return "", errors.New("member.key-missing")
		}
		member.Roles = r.roles()
		s.setMember(id, member)
	}
	if r.has("key") {
		return statusInForce, s.join(t, keySubject(id, r.bytes("key")), statusInForce)
	}
	return statusInForce, nil
}

// isValidators says whether a key is one of a validator of the genesis document: this program follows no change of them.
func (s *State) isValidators(key []byte) bool {
	row, _ := s.get([]any{"validators"})
	validators, _ := row.([]any)
	for _, one := range validators {
		items, _ := one.([]any)
		for _, item := range items {
			if held, ok := item.([]byte); ok && bytes.Equal(held, key) {
				return true
			}
		}
	}
	return false
}

// newKey puts a key that nobody has registered yet, and whose owner holds it, in service.
func (s *State) newKey(t turn, member string, row *keyRow) error {
	key := t.record.bytes("key")
	if _, known := s.key(key); known {
		return errors.New("the key exists")
	}
	if s.isValidators(key) {
		return errors.New("the key is a validator's")
	}
	message := inContext(contextPossession, Encode([]any{t.chainID, member, key}))
	switch {
	case !hasPrimeOrder(key):
		return errors.New("the key is not in the subgroup of prime order")
	case checkSignature(key, message, t.record.bytes("possession")) != nil:
		return errors.New("possession of the key is not shown")
	}
	s.set([]any{"key", key}, row.value())
	return nil
}

func (s *State) applyKey(t turn) (string, error) {
	r, key := t.record, t.record.bytes("key")
	switch r.Type {
	case "key.register/1":
		return statusInForce, s.registerKey(t)
	case "key.rotate/1":
		if err := s.inService(t); err != nil {
			return "", err
		}
		old, _ := s.key(t.author)
		next := &keyRow{Member: t.member, Roles: old.Roles, Registered: t.time, Until: old.Until}
		if err := s.newKey(t, t.member, next); err != nil {
			return "", err
		}
		old.Retired = &t.time
		s.set([]any{"key", t.author}, old.value())
		return statusInForce, s.join(t, keySubject(t.member, t.author), "retired")
	}
	row, known := s.key(key)
	if !known || row.Member != r.text("member") {
		return "", errors.New("the member has no such key")
	}
	if err := s.managesKey(t, row.Member, key, row.Roles, true); err != nil {
		return "", err
	}
	if r.Type == "key.retire/1" {
		if row.Retired != nil || row.Revoked != nil {
			return "", errors.New("the key is retired or revoked already")
		}
		row.Retired = &t.time
		s.set([]any{"key", key}, row.value())
		return "retired", nil
	}
	// A key that is revoked may get another start of its dispute.
	from := r.Body["from_ms"].(int64)
	if from > t.time {
		return "", errors.New("the dispute would start after the block")
	}
	if row.Revoked != nil && row.Disputed != nil && *row.Disputed == from {
		return "", errors.New("the key is revoked from then on already")
	}
	if row.Revoked == nil {
		row.Revoked = &t.time
	}
	isOwn := bytes.Equal(key, t.author)
	if isOwn && from < t.time-ownDisputeMs && s.managesKey(t, row.Member, key, row.Roles, false) != nil {
		return "", errors.New("a key disputes by itself what it signed long ago")
	}
	row.Disputed = &from
	s.set([]any{"key", key}, row.value())
	return "revoked", nil
}

func (s *State) registerKey(t turn) error {
	r, id := t.record, t.record.text("member")
	if err := s.managesKey(t, id, r.bytes("key"), r.roles(), false); err != nil {
		return err
	}
	member, err := s.member(id)
	if err != nil {
		return err
	}
	if _, known := s.key(r.bytes("key")); known {
		return errors.New("the key exists")
	}
	if !subset(r.roles(), member.Roles) {
		return errors.New("the key has a role that its member has not")
	}
	row := &keyRow{Member: id, Roles: r.roles(), Registered: t.time}
	if r.has("until_ms") {
		until := r.Body["until_ms"].(int64)
		if until <= t.time {
			return errors.New("the time of the key is over")
		}
		row.Until = &until
	}
	return s.newKey(t, id, row)
}

// join keeps, for each subject, a tree over its records, so that a list of them can be shown to be complete.
func (s *State) join(t turn, subject []any, status string) error {
	row, err := s.subjectRow(subject)
	if err != nil {
		return err
	}
	if row == nil {
		row = &subjectRow{Issue: t.record.ID(), Time: t.time}
	}
	row.Status, row.Changed = status, t.time
	row.tree.add(leafHash(t.leaf))
	s.set(subject, row.value())
	return nil
}

// subjectRow is nil for a subject of which nothing is recorded.
func (s *State) subjectRow(subject []any) (*subjectRow, error) {
	value, ok := s.get(subject)
	if !ok {
		return nil, nil
	}
	return parseSubjectRow(value)
}
