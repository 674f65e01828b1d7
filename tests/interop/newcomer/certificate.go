package main

import (
	"bytes"
	"errors"
	"time"
)

const (
	dayMs     = 24 * 60 * 60 * 1000
	vietnamMs = 7 * 60 * 60 * 1000
	// A certificate that was suspended and reinstated has its issue and these two records, at least.
	reinstatedCount = 3
)

// begins is when a day begins in Vietnam, milliseconds since the epoch.
func begins(day string) int64 {
	midnight, _ := time.Parse("2006-01-02", day)
	return midnight.UnixMilli() - vietnamMs
}

// isOver is when a day is over.
func isOver(day string) int64 { return begins(day) + dayMs }

// applyCertificate is the rule of each of the six types.
func (s *State) applyCertificate(t turn) (string, error) {
	r := t.record
	row, err := s.subjectRow(r.subject())
	if err != nil {
		return "", err
	}
	authority, certificate := r.text("authority"), r.bytes("certificate")
	until := []any{"certificate-until", authority, certificate}
	if r.Type == "cert.issue/1" {
		if row != nil {
			return "", errors.New("the certificate exists")
		}
		if r.has("status_index") {
			place := []any{"status-index", authority, r.Body["status_index"]}
			if _, taken := s.get(place); taken {
				return "", errors.New("the place in the status list is taken")
			}
			s.set(place, certificate)
		}
		if r.has("valid_until") {
			s.set(until, r.text("valid_until"))
		}
		return statusInForce, nil
	}
	if row == nil || row.Status == "revoked" {
		return "", errors.New("there is no such certificate, or it is revoked")
	}
	switch {
	case r.Type == "cert.revoke/1":
		return "revoked", nil
	case r.Type == "cert.reinstate/1":
		if row.Status != "suspended" {
			return "", errors.New("the certificate is not suspended")
		}
		return statusInForce, nil
	case row.Status != statusInForce:
		return "", errors.New("the certificate is not in force")
	case r.Type == "cert.suspend/1":
		return "suspended", nil
	case r.Type == "cert.renew/1":
		value, _ := s.get(until)
		last, ok := value.(string)
		if !ok || r.text("valid_until") <= last || t.time >= isOver(last) {
			return "", errors.New("the certificate has no last day, a later one, or one that is over")
		}
		s.set(until, r.text("valid_until"))
	}
	return statusInForce, nil
}

// Certificate is what records of a certificate say together.
type Certificate struct {
	Issue    *Record
	Complete bool // whether all of its records are known
	Until    string
	Papers   [][]byte
	Reason   string
	// What only disputed records say is kept apart.
	Disputed       []int
	DisputedUntil  string
	DisputedPapers [][]byte
	StatusDisputed bool
}

// certificateOf puts records together; disputed tells of each whether its key's dispute may reach it.
func certificateOf(records []*Record, disputed []bool) (*Certificate, error) {
	if records[0].Type != "cert.issue/1" {
		return nil, errors.New("the first record of a certificate is not its issue")
	}
	c := &Certificate{Issue: records[0]}
	c.Until, _ = records[0].Body["valid_until"].(string)
	latest, back := c.Until, 0
	for i, record := range records {
		if disputed[i] {
			c.Disputed = append(c.Disputed, i)
		}
		switch record.Type {
		case "cert.renew/1":
			latest = record.text("valid_until")
			if !disputed[i] {
				c.Until = latest
			}
		case "cert.paper/1":
			papers := &c.Papers
			if disputed[i] {
				papers = &c.DisputedPapers
			}
			*papers = append(*papers, record.bytes("hash"))
		case "cert.suspend/1", "cert.revoke/1":
			c.Reason = record.text("reason")
		case "cert.reinstate/1":
			c.Reason, back = "", i
		}
	}
	if latest != c.Until {
		c.DisputedUntil = latest
	}
	c.StatusDisputed = disputed[0] || disputed[back]
	return c, nil
}

func among(hash []byte, hashes [][]byte) bool {
	for _, one := range hashes {
		if bytes.Equal(one, hash) {
			return true
		}
	}
	return false
}

// checkPaper asks whether a file, by its hash, is the certificate's paper.
func (c *Certificate) checkPaper(file []byte) error {
	switch {
	case file == nil || among(file, c.Papers) || among(file, c.DisputedPapers):
		return nil
	case !c.Complete:
		return unknown("which file is the paper stands in records that are not here")
	case len(c.Papers) == 0:
		return unknown("nobody whose word is not disputed has stated a paper")
	}
	return errors.New("the file is not the certificate's paper")
}

// judgeBareCertificate is for a receipt with nothing beside it.
func (a *Answer) judgeBareCertificate(now *int64) {
	if a.Record.Type != "cert.issue/1" {
		if a.Verdict == InForce {
			a.say(CannotTell, "the receipt does not say on which days the certificate is good")
		}
		return
	}
	certificate, err := certificateOf([]*Record{a.Record}, []bool{false})
	if err != nil {
		a.fail(err)
		return
	}
	certificate.Complete = a.isFirst() && a.Subject.tree.size == 1
	a.Certificate = certificate
	a.judgeDays(now)
	if a.Verdict == InForce && a.Subject.tree.size >= reinstatedCount {
		a.say(CannotTell, "whether the certificate was reinstated, and by whom, stands in its proof")
	}
}

// judgeDays refines "in force" by the days of the certificate.
func (a *Answer) judgeDays(now *int64) {
	c := a.Certificate
	first, hasFirst := c.Issue.Body["valid_from"].(string)
	if a.Verdict != InForce || !hasFirst && c.Until == "" {
		return
	}
	if now == nil {
		a.say(CannotTell, "the certificate is good on certain days, and nobody said what day it is")
		return
	}
	if hasFirst && *now < begins(first) {
		a.turnAt(begins(first)).say(NoLongerInForce, "the certificate is not in force yet")
		return
	}
	if c.Until == "" || *now < isOver(c.Until) {
		return
	}
	latest := c.Until
	if c.DisputedUntil != "" {
		latest = c.DisputedUntil
	}
	over := isOver(latest)
	if *now < over {
		a.say(CannotTell, disputedReason)
		return
	}
	asOf := a.Header.Time
	if t := a.Proven.Times; t != nil {
		asOf = int64(t.asOf) * 1000
	}
	if c.Complete && asOf >= over {
		a.turnAt(over).say(NoLongerInForce, "the certificate's last day is over, and it was not renewed")
		return
	}
	a.turnAt(over).say(CannotTell, "the certificate's last day is over, and it may have been renewed since")
}

func (a *Answer) turnAt(ms int64) *Answer {
	a.Turn = &ms
	return a
}
