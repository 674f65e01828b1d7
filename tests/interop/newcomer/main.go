// Command newcomer checks receipts and exports of Sổ Gốc from its published format alone.
//
// It knows certificates, documents, members and keys; notJudged (record.go) lists the record types that it does not know. What
// holds one of these is "cannot tell": a receipt of one, and an export from the block on that holds the first. So there is no
// vote, no succession and no parameter in what it replays, and of the rules on them only those are here that refuse: a governed
// record while there are several administrators, and whoever acts for an authority without following it. It does not know
// credentials and status lists, histories, compact receipts, lookup codes, nor the vault.
package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const usage = `usage: newcomer verify [-salt HEX] FILE RECEIPT POLICY
       newcomer certificate [-paper FILE] PROOF POLICY
       newcomer audit EXPORT_DIR [POLICY]
`

const exitUsage = 2

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, problems io.Writer) int {
	if len(args) > 0 && args[0] == "verify" {
		return runVerify(args[1:], out, problems)
	}
	if len(args) > 0 && args[0] == "certificate" {
		return runCertificate(args[1:], out, problems)
	}
	if len(args) > 0 && args[0] == "audit" {
		return runAudit(args[1:], out, problems)
	}
	fmt.Fprint(problems, usage)
	return exitUsage
}

func readAll(names []string, problems io.Writer) ([][]byte, bool) {
	var out [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(problems, err)
			return nil, false
		}
		out = append(out, data)
	}
	return out, true
}

func runVerify(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(problems)
	saltHex := flags.String("salt", "", "the salt of a commitment, 32 bytes in hexadecimal")
	if err := flags.Parse(args); err != nil || flags.NArg() != 3 {
		fmt.Fprint(problems, usage)
		return exitUsage
	}
	var salt []byte
	if *saltHex != "" {
		var err error
		if salt, err = hex.DecodeString(*saltHex); err != nil || len(salt) != 32 {
			fmt.Fprintln(problems, "the salt is not 32 bytes in hexadecimal")
			return exitUsage
		}
	}
	files, ok := readAll(flags.Args(), problems)
	if !ok {
		return exitUsage
	}
	policy, err := parsePolicy(files[2])
	answer := &Answer{}
	if err != nil {
		answer.say(CannotTell, err.Error())
	} else {
		answer = judgeFile(files[0], salt, files[1], policy, clock())
	}
	return answer.tell(out)
}

// clock is the reader's, milliseconds since the epoch.
func clock() *int64 {
	now := time.Now().UnixMilli()
	return &now
}

func runCertificate(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("certificate", flag.ContinueOnError)
	flags.SetOutput(problems)
	paper := flags.String("paper", "", "the file that is said to be the certificate's paper")
	if err := flags.Parse(args); err != nil || flags.NArg() != 2 {
		fmt.Fprint(problems, usage)
		return exitUsage
	}
	names := flags.Args()
	if *paper != "" {
		names = append(names, *paper)
	}
	files, ok := readAll(names, problems)
	if !ok {
		return exitUsage
	}
	var paperHash []byte
	if *paper != "" {
		paperHash = hash(files[2])
	}
	policy, err := parsePolicy(files[1])
	if err != nil {
		return (&Answer{}).say(CannotTell, err.Error()).tell(out)
	}
	return judgeCertificate(files[0], paperHash, policy, clock()).tell(out)
}

// tell prints an answer and gives the exit code.
func (a *Answer) tell(out io.Writer) int {
	fmt.Fprintln(out, a.Verdict)
	fmt.Fprintln(out, "reason:", a.Reason)
	// What a failed check leaves standing would only lend credit to a forgery.
	if a.Verdict != DoesNotMatch {
		a.print(out)
	}
	return a.Verdict.exitCode()
}

func (a *Answer) print(out io.Writer) {
	if a.Subject != nil && a.Record != nil {
		fmt.Fprintf(out, "who: %s, as %s\n", a.Member.Name, strings.Join(a.Key.Roles, ", "))
		fmt.Fprintln(out, "since:", time.UnixMilli(a.Subject.Time).UTC().Format("2006-01-02T15:04:05.000Z"))
		fmt.Fprintln(out, "status:", a.Subject.Status)
	}
	if a.Proven != nil {
		fmt.Fprintln(out, "existed-by:", a.Proven.Times.show(func(t *times) uint64 { return t.existedBy }))
		fmt.Fprintln(out, "status-as-of:", a.Proven.Times.show(func(t *times) uint64 { return t.asOf }))
	}
	if a.Record != nil && a.late() {
		fmt.Fprintln(out, "late: the record came over 24 hours after the time its author claims")
	}
}

// show writes one of the proven times; a policy without a quorum proves none.
func (t *times) show(which func(*times) uint64) string {
	if t == nil {
		return "not proven"
	}
	return time.Unix(int64(which(t)), 0).UTC().Format(time.RFC3339)
}

func runAudit(args []string, out, problems io.Writer) int {
	if len(args) != 1 && len(args) != 2 {
		fmt.Fprint(problems, usage)
		return exitUsage
	}
	var policy []byte
	if len(args) == 2 {
		files, ok := readAll(args[1:], problems)
		if !ok {
			return exitUsage
		}
		policy = files[0]
	}
	report, err := audit(args[0], policy)
	if err != nil {
		fmt.Fprintln(out, verdictOf(err))
		fmt.Fprintln(out, "reason:", err)
		return verdictOf(err).exitCode()
	}
	fmt.Fprintln(out, "good")
	fmt.Fprintf(out, "%d leaves, %d blocks, %d entries, %d records\n", report.Leaves, report.Blocks, report.Entries, report.Records)
	fmt.Fprintf(out, "state root: %x\n", report.StateRoot)
	fmt.Fprintf(out, "cosigned by %d, the tree existed by %s\n", report.Proven.Cosigners,
		report.Proven.Times.show(func(t *times) uint64 { return t.existedBy }))
	return 0
}
