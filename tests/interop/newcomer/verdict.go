package main

import (
	"errors"
	"fmt"
)

// Verdict is one of the four answers. The zero value is none of them: an answer forgotten is not a good one.
type Verdict int

const (
	InForce Verdict = iota + 1
	NoLongerInForce
	DoesNotMatch
	CannotTell
)

func (v Verdict) String() string {
	return [...]string{"no verdict", "in-force", "no-longer-in-force", "does-not-match", "cannot-tell"}[v]
}

// exitCode is what the program ends with.
func (v Verdict) exitCode() int { return [...]int{exitUsage, 0, 4, 1, 3}[v] }

// doubt is an error that is no evidence of forgery: something unknown, missing or too weak to conclude from.
type doubt struct{ reason string }

func (d doubt) Error() string { return d.reason }

func unknown(format string, args ...any) error { return doubt{fmt.Sprintf(format, args...)} }

// verdictOf sorts an error: a doubt stays a doubt however it was wrapped, everything else is a check that failed.
func verdictOf(err error) Verdict {
	var d doubt
	if errors.As(err, &d) {
		return CannotTell
	}
	return DoesNotMatch
}

// unreadable is for what is not of its format: nothing can be concluded from it, so it is no evidence either.
func unreadable(err error) error {
	if err == nil || verdictOf(err) == CannotTell {
		return err
	}
	return doubt{err.Error()}
}
