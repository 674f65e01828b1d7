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

// statusesDone are those of what was done once and for all: nothing of it can end.
var statusesDone = []string{"erased", "executed", "logged"}

const (
	statusInForce = "in-force"
	// An entry that came this long after the time its author claims is shown as late.
	lateAfterMs = 24 * 60 * 60 * 1000
)

// receiptParts is the extra of a receipt.
type receiptParts struct {
	record      []byte
	recordIndex int64
	recordPath  [][]byte
	entryLeaf   []byte
	headerLeaf  []byte // nil when the receipt shows existence only
	headerPath  [][]byte
	proofs      []*stateProof // subject, author key, then the members
	members     []string
}

func parseReceipt(extra []byte) (*receiptParts, error) {
	value, err := Decode(extra)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	f := openArray("receipt", "version", value, 1, 7)
	parts := &receiptParts{record: f.bytes(1, -1), recordIndex: f.natural(2), recordPath: f.hashes(3), entryLeaf: f.bytes(4, -1)}
	f.join(checkRecordSize(parts.record))
	if f.items[5] != nil {
		header := arrayOf("receipt's header", f.items[5], 2)
		parts.headerLeaf, parts.headerPath = header.bytes(0, -1), header.hashes(1)
		f.join(header.err)
	}
	if f.items[6] != nil {
		state := arrayOf("receipt's state", f.items[6], 3)
		f.join(state.err)
		for i, what := range []string{"subject proof", "author key proof"} {
			proof, err := parseStateProof(what, state.items[i])
			f.join(err)
			parts.proofs = append(parts.proofs, proof)
		}
		members := state.list(2)
		f.join(state.err)
		if len(members) < 1 || len(members) > maxMembers {
			f.fail("it lists no member, or too many")
		}
		for _, item := range members {
			member := arrayOf("receipt's member", item, 2)
			proof, err := parseStateProof("member proof", member.items[1])
			f.join(errors.Join(err, member.err))
			parts.members = append(parts.members, member.text(0))
			f.join(member.err)
			parts.proofs = append(parts.proofs, proof)
		}
	}
	if len(parts.recordPath) > maxPath || len(parts.headerPath) > maxPath {
		f.fail("a path is too long")
	}
	return parts, f.err
}

// maxMembers is the most members that a receipt or a walk along successors goes through.
const maxMembers = 16

// Answer is what a receipt shows. What is not proven stays empty.
type Answer struct {
	Verdict Verdict
	Reason  string
	Because error // what the verdict follows from, if it is an error
	Proven  *Proven
	Index   uint64
	Entry   *Entry
	Record  *Record
	Member  *memberRow
	Key     *keyRow
	Subject *subjectRow
	Line    []string // the authority and those that succeed it
	Members map[string]*memberRow
	Header  *Header

	Certificate *Certificate // what is proved of one
	Claims      [][2]any     // names and values that were shown and are the certificate's
	Turn        *int64       // when it stopped being in force, or will begin to be
}

func (a *Answer) say(v Verdict, reason string) *Answer {
	a.Verdict, a.Reason = v, reason
	return a
}

// fail gives the verdict that follows from an error.
func (a *Answer) fail(err error) *Answer {
	a.Because = err
	return a.say(verdictOf(err), err.Error())
}

// commit gives what a record may know a file by to those who have the salt; nil without one.
func commit(file, salt []byte) []byte {
	if salt == nil {
		return nil
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte("file\x00"))
	mac.Write(file)
	return mac.Sum(nil)
}

// judgeFile gives the verdict on a file. A file that is not the one of the record is told even where the receipt leaves open
// what has become of the record; not, however, where it leaves open whether there is such a record, or where the salt is missing.
func judgeFile(file, salt, receipt []byte, policy *Policy, now *int64) *Answer {
	answer := judgeReceipt(receipt, policy, now)
	if answer.Record == nil {
		return answer
	}
	record := answer.Record
	if record.Type == "cert.paper/1" {
		if bytes.Equal(hash(file), record.bytes("hash")) {
			return answer
		}
		return answer.say(DoesNotMatch, "the file is not the certificate's paper")
	}
	if !strings.HasPrefix(record.Type, "doc.") {
		return answer.say(CannotTell, "a record of type "+record.Type+" is about no file")
	}
	// A stamped copy has a hash of its own. A record that came later names a document, and not in which of the two ways.
	identifier, byHash, byCommitment := record.document(), !record.has("commitment"), !record.has("hash")
	if record.Type == "doc.paper/1" {
		identifier = record.bytes("hash")
	}
	committed := commit(file, salt)
	if byHash && bytes.Equal(hash(file), identifier) || byCommitment && committed != nil && bytes.Equal(committed, identifier) {
		return answer
	}
	if byCommitment && committed == nil {
		return answer.say(CannotTell, "the record commits to the file, or may do so, and the salt is missing")
	}
	return answer.say(DoesNotMatch, "the file is not the one of the record")
}

// judgeReceipt gives the verdict on a receipt by itself, at the reader's clock if there is one. The record is in the answer only
// if it is proved to be in the log.
func judgeReceipt(receipt []byte, policy *Policy, now *int64) *Answer {
	answer := readReceipt(receipt, policy)
	if answer.Record == nil {
		return answer
	}
	answer.judgeStatus(answer.Subject != nil && answer.disputed())
	if answer.Subject != nil && strings.HasPrefix(answer.Record.Type, "cert.") {
		answer.judgeBareCertificate(now)
	}
	return answer
}

// readReceipt checks a receipt. There is a verdict only if it does not prove that the record exists.
func readReceipt(receipt []byte, policy *Policy) *Answer {
	answer := &Answer{}
	proof, err := parseProof(receipt)
	if err != nil {
		return answer.say(CannotTell, err.Error())
	}
	if proof.Extra == nil {
		return answer.say(CannotTell, "the proof is no receipt: it has no extra")
	}
	parts, err := parseReceipt(proof.Extra)
	if err != nil {
		return answer.say(CannotTell, err.Error())
	}
	proven, err := policy.check(proof.Checkpoint)
	if err != nil {
		return answer.fail(err)
	}
	entry, record, err := checkRecord(parts, proof, proven)
	if err != nil {
		return answer.fail(err)
	}
	if parts.headerLeaf != nil {
		header, err := checkHeader(parts, entry, proven)
		if err == nil && parts.proofs != nil {
			err = answer.readState(parts, header, entry, record)
		}
		if err != nil {
			return answer.fail(err)
		}
	}
	answer.Proven, answer.Index, answer.Entry, answer.Record = proven, proof.Index, entry, record
	return answer
}

// judgeStatus is told what is disputed, since that depends on what else is known beside the receipt.
func (a *Answer) judgeStatus(disputed bool) *Answer {
	a.Turn = nil
	switch {
	case a.Subject == nil:
		return a.say(CannotTell, "the receipt shows that the record exists, not whether it is in force")
	case a.Subject.Status != statusInForce && !slices.Contains(statusesDone, a.Subject.Status):
		a.Turn = &a.Subject.Changed
		return a.say(NoLongerInForce, "the record is in the log as it is; its status is "+a.Subject.Status)
	case disputed:
		return a.say(CannotTell, disputedReason)
	}
	return a.say(InForce, "the record is in the log as it is, and in force")
}

const disputedReason = "a key was revoked, and what it signed at that time is disputed"

// checkRecord shows that the record exists: the entry is in the log, the record in the entry, and the author signed it.
// Hashes come first: what no log holds does not match, whatever it says.
func checkRecord(parts *receiptParts, proof *Proof, proven *Proven) (*Entry, *Record, error) {
	if err := checkInclusion(leafHash(parts.entryLeaf), proof.Index, proven.Size, proof.Path, proven.Root); err != nil {
		return nil, nil, fmt.Errorf("the entry in the log: %w", err)
	}
	entry, err := decodeEntry(parts.entryLeaf)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	index, count := uint64(parts.recordIndex), uint64(entry.Count)
	if err := checkInclusion(leafHash(parts.record), index, count, parts.recordPath, entry.Root); err != nil {
		return nil, nil, fmt.Errorf("the record in the entry: %w", err)
	}
	if err := entry.checkAuthor(); err != nil {
		return nil, nil, err
	}
	record, err := decodeRecord(parts.record)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	return entry, record, record.check()
}

func checkHeader(parts *receiptParts, entry *Entry, proven *Proven) (*Header, error) {
	if err := checkInclusion(leafHash(parts.headerLeaf), proven.Size-1, proven.Size, parts.headerPath, proven.Root); err != nil {
		return nil, fmt.Errorf("the header in the log: %w", err)
	}
	header, err := decodeHeader(parts.headerLeaf)
	if err != nil {
		return nil, unreadable(err)
	}
	if uint64(header.Index())+1 != proven.Size {
		return nil, errors.New("the header does not close the checkpoint's size")
	}
	if !bytes.Equal(header.ChainID, entry.ChainID) {
		return nil, errors.New("the header is of another chain than the entry")
	}
	return header, nil
}

// readState takes over the rows, if they are proved and belong to the record.
func (a *Answer) readState(parts *receiptParts, header *Header, entry *Entry, record *Record) error {
	authority := record.text("authority")
	keys := [][]any{record.subject(), {"key", entry.Author}}
	for _, member := range parts.members {
		keys = append(keys, []any{"member", member})
	}
	var values []any
	for i, proof := range parts.proofs {
		if !bytes.Equal(proof.key, Encode(keys[i])) {
			return fmt.Errorf("state proof %d is for another key of the state", i)
		}
		if err := proof.check(header.StateRoot); err != nil {
			return err
		}
		if proof.value == nil {
			return fmt.Errorf("state proof %d shows that there is no such row", i)
		}
		value, err := Decode(proof.value)
		if err != nil {
			return unreadable(err)
		}
		values = append(values, value)
	}
	subject, err1 := parseSubjectRow(values[0])
	key, err2 := parseKeyRow(values[1])
	if err := errors.Join(err1, err2); err != nil {
		return unreadable(err)
	}
	members := map[string]*memberRow{}
	for i, name := range parts.members {
		row, err := parseMemberRow(values[2+i])
		if err != nil {
			return unreadable(err)
		}
		members[name] = row
	}
	// Whoever is named and not listed is found by the walk all the same, and so the two differ.
	line, rows := lineOf(authority, func(name string) *memberRow { return members[name] })
	if !slices.Equal(line, parts.members) {
		return errors.New("the members are not the authority and those that succeed it, nearest first")
	}
	if key.Member != authority && !recordTypes[record.Type].bySuccessor {
		return errors.New("the author's key is not of the record's authority")
	}
	if !actsFor(key.Member, authority, line, rows, header.Time) {
		// Who succeeds may have been corrected since.
		return unknown("the author's key is of a member that does not act for the record's authority now, and may have then")
	}
	a.Subject, a.Key, a.Member, a.Line, a.Members, a.Header = subject, key, members[key.Member], line, members, header
	return nil
}

// lineOf walks from a member along its successors, and theirs, breadth first: whom it finds, and their rows. A name without a row
// is found too, with nil: what that means is for the caller to say.
func lineOf(authority string, rowOf func(string) *memberRow) ([]string, map[string]*memberRow) {
	var line []string
	rows := map[string]*memberRow{}
	waiting := []string{authority}
	for len(waiting) > 0 && len(line) < maxMembers {
		name := waiting[0]
		waiting = waiting[1:]
		if slices.Contains(line, name) {
			continue
		}
		line = append(line, name)
		if row := rowOf(name); row != nil {
			rows[name] = row
			waiting = append(waiting, row.Successors...)
		}
	}
	return line, rows
}

// actsFor says whether a member acts for an authority at a time: it is that one, or each on the way to it has ended.
func actsFor(who, authority string, line []string, rows map[string]*memberRow, time int64) bool {
	reached := map[string]bool{authority: true}
	for range line {
		for name := range reached {
			if row := rows[name]; row != nil && row.over(time) {
				for _, next := range row.Successors {
					reached[next] = rows[next] != nil
				}
			}
		}
	}
	return reached[who]
}

// isFirst says whether the subject's time is this record's: it is that of the subject's first record.
func (a *Answer) isFirst() bool { return bytes.Equal(a.Subject.Issue, a.Record.ID()) }

// disputed says whether the record may have come when its key was no longer the author's alone.
func (a *Answer) disputed() bool { return a.Key.disputedBy(a.Subject.latest(a.isFirst())) }

func (a *Answer) late() bool {
	return a.Subject != nil && a.isFirst() && a.Subject.Time-a.Entry.Time > lateAfterMs
}
