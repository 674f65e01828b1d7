package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

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
		if err := s.checkAuthority(author, record); err != nil {
			return err
		}
	}
	for i, record := range records {
		status, err := s.applyType(b, record)
		if err != nil {
			return fmt.Errorf("record %d, %s: %w", i, record.Type, err)
		}
		if err := s.appendHistory(b, record, status, Encode([]any{id, int64(i), record.ID()})); err != nil {
			return err
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
func (s *State) checkAuthority(author *keyRow, record *Record) error {
	if author.Member != record.text("authority") {
		return errors.New("authority.not-acting")
	}
	member, err := s.member(author.Member)
	if err != nil {
		return err
	}
	for _, role := range recordTypes[record.Type].roles {
		if slices.Contains(author.Roles, role) && slices.Contains(member.Roles, role) {
			return nil
		}
	}
	return errors.New("authority.role")
}

// applyType is each type's own rule; it returns the status that the subject gets.
func (s *State) applyType(b block, record *Record) (string, error) {
	if record.Type == "doc.anchor/1" {
		if _, ok := s.get(record.subject()); ok {
			return "", errors.New("the document is anchored already")
		}
		return "in-force", nil
	}
	id := record.text("member")
	member, memberErr := s.member(id)
	var roles []string
	if items, ok := record.Body["roles"].([]any); ok {
		roles, _ = parseRoles(items)
	}
	switch record.Type {
	case "member.register/1":
		if memberErr == nil {
			return "", errors.New("the member exists")
		}
		s.setMember(id, &memberRow{Name: record.text("name"), Roles: roles, Registered: b.time})
		return "in-force", nil
	case "member.roles/1":
		if memberErr != nil {
			return "", memberErr
		}
		member.Roles = roles
		s.setMember(id, member)
		return "in-force", nil
	}
	key := record.bytes("key")
	row, known := s.key(key)
	if record.Type == "key.register/1" {
		if memberErr != nil {
			return "", memberErr
		}
		message := inContext(contextPossession, Encode([]any{b.chainID, id, key}))
		switch {
		case known:
			return "", errors.New("the key exists")
		case !subset(roles, member.Roles):
			return "", errors.New("the key has a role that its member has not")
		case !hasPrimeOrder(key):
			return "", errors.New("the key is not in the subgroup of prime order")
		case checkSignature(key, message, record.bytes("possession")) != nil:
			return "", errors.New("possession of the key is not shown")
		}
		row = &keyRow{Member: id, Roles: roles, Registered: b.time}
		s.set([]any{"key", key}, row.value())
		return "in-force", nil
	}
	if !known || row.Member != id {
		return "", errors.New("the member has no such key")
	}
	if row.Revoked != nil {
		return "", errors.New("the key is revoked already")
	}
	status := "retired"
	if record.Type == "key.retire/1" {
		if row.Retired != nil {
			return "", errors.New("the key is retired already")
		}
		row.Retired = &b.time
	} else {
		from := record.Body["from_ms"].(int64)
		if from > b.time {
			return "", errors.New("the dispute would start after the block")
		}
		status, row.Revoked, row.Disputed = "revoked", &b.time, &from
	}
	s.set([]any{"key", key}, row.value())
	return status, nil
}

// appendHistory keeps, for each subject, a tree over its records, so that a list of them can be shown to be complete.
func (s *State) appendHistory(b block, record *Record, status string, leaf []byte) error {
	row := &subjectRow{Issue: record.ID(), Time: b.time}
	if value, ok := s.get(record.subject()); ok {
		var err error
		if row, err = parseSubjectRow(value); err != nil {
			return err
		}
	}
	row.Status, row.Changed = status, b.time
	row.tree.add(leafHash(leaf))
	s.set(record.subject(), row.value())
	return nil
}
