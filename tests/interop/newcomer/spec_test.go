package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The examples are read out of the page itself, so that what is tested is what a newcomer is told.
// SOGOC_SPEC names the page; without it the tests that need it are skipped.

func example(t *testing.T, name string) string {
	t.Helper()
	file := os.Getenv("SOGOC_SPEC")
	if file == "" {
		t.Skip("SOGOC_SPEC does not name the specification")
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "<!-- example: "+name+" -->\n")
	text, _, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("the specification has no example %q", name)
	}
	return text
}

// hexBlocks reads a fenced block of labels, each followed by indented hexadecimal.
func hexBlocks(t *testing.T, name string) map[string][]byte {
	t.Helper()
	out, label := map[string][]byte{}, ""
	for _, line := range strings.Split(example(t, name), "\n") {
		switch {
		case strings.HasPrefix(line, "```") || line == "":
		case !strings.HasPrefix(line, " "):
			for label = line; out[label] != nil; {
				label += ", again"
			}
		default:
			raw, err := hex.DecodeString(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			out[label] = append(out[label], raw...)
		}
	}
	return out
}

// fences reads the fenced blocks of an example, in order.
func fences(t *testing.T, name string, n int) []string {
	t.Helper()
	parts := strings.Split(example(t, name), "```")
	var out []string
	for i := 1; i < len(parts); i += 2 {
		out = append(out, strings.TrimPrefix(parts[i], "\n"))
	}
	if len(out) != n {
		t.Fatalf("%s: %d blocks", name, len(out))
	}
	return out
}

// pick takes a value out of the blocks and strikes it, so that a value nobody looked at is noticed.
func pick(t *testing.T, blocks map[string][]byte, label string) []byte {
	t.Helper()
	value, ok := blocks[label]
	if !ok {
		t.Fatalf("no value is labelled %q", label)
	}
	delete(blocks, label)
	return value
}

func noneLeft(t *testing.T, blocks map[string][]byte) {
	t.Helper()
	for label := range blocks {
		t.Errorf("the value %q is not checked", label)
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestEncoding(t *testing.T) {
	values := map[string]any{
		"None": nil, "True": true, "False": false, "0": 0, "127": 127, "128": 128, "-1": -1, "-33": -33,
		"9007199254740991": maxInteger, "'Sổ'": "Sổ", `b'\x00\xff'`: []byte{0, 255},
		"[1, [2, []]]": []any{1, []any{2, []any{}}}, "{'a': 1, 'b': None}": Map{"a": 1, "b": nil},
	}
	rows := regexp.MustCompile("(?m)^\\| `(.*)` \\| `([0-9a-f]+)` \\|$").FindAllStringSubmatch(example(t, "encoding"), -1)
	if len(rows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range rows {
		value, ok := values[row[1]]
		if !ok {
			t.Fatalf("the value %s is not known here", row[1])
		}
		want, _ := hex.DecodeString(row[2])
		same(t, row[1], Encode(value), want)
		same(t, row[1]+", decoded", Encode(must[any](t)(Decode(want))), want)
	}
}

func TestGenesis(t *testing.T) {
	blocks := hexBlocks(t, "genesis")
	leaf := pick(t, blocks, "genesis leaf")
	genesis := must[*Genesis](t)(decodeGenesis(leaf))
	same(t, "chain_id", genesis.ChainID, pick(t, blocks, "chain_id"))
	same(t, "leaf hash", leafHash(leaf), pick(t, blocks, "leaf hash, index 0"))
	noneLeft(t, blocks)
}

func TestEntryHeaderAndState(t *testing.T) {
	genesis := must[*Genesis](t)(decodeGenesis(hexBlocks(t, "genesis")["genesis leaf"]))
	genesisLeaf := hexBlocks(t, "genesis")["genesis leaf"]

	blocks := hexBlocks(t, "entry")
	records := [][]byte{pick(t, blocks, "record 0"), pick(t, blocks, "record 1")}
	var ids [][]byte
	for i, raw := range records {
		record := must[*Record](t)(decodeRecord(raw))
		ids = append(ids, record.ID())
		same(t, "record id", record.ID(), pick(t, blocks, fmt.Sprintf("record %d: id", i)))
	}
	leaf := pick(t, blocks, "entry leaf, index 2")
	entry := must[*Entry](t)(decodeEntry(leaf))
	body, message := pick(t, blocks, "body"), pick(t, blocks, "signed bytes")
	same(t, "body", entry.body, body)
	same(t, "records_root", entry.Root, treeRoot(ids))
	same(t, "signed bytes", inContext(contextEntry, body), message)
	signature := pick(t, blocks, "signature")
	key := ed25519.NewKeyFromSeed(pick(t, blocks, "seed of the author's key (for these examples only)"))
	same(t, "author", key.Public().(ed25519.PublicKey), entry.Author)
	same(t, "signature", ed25519.Sign(key, message), signature)
	same(t, "signature in the leaf", entry.Signature, signature)
	if err := entry.checkAuthor(); err != nil {
		t.Error(err)
	}
	same(t, "leaf hash", leafHash(leaf), pick(t, blocks, "leaf hash"))
	same(t, "entry_id", entry.ID(), pick(t, blocks, "entry_id"))
	noneLeft(t, blocks)

	blocks = hexBlocks(t, "header")
	headers := [][]byte{
		pick(t, blocks, "header leaf of height 0, index 1"),
		pick(t, blocks, "header leaf of height 1, index 3"),
	}
	first := must[*Header](t)(decodeHeader(headers[0]))
	second := must[*Header](t)(decodeHeader(headers[1]))
	same(t, "header 0's leaf hash", leafHash(headers[0]), pick(t, blocks, "its leaf hash"))
	same(t, "header 1's leaf hash", leafHash(headers[1]), pick(t, blocks, "its leaf hash, again"))

	origin := &Header{Height: -1, EngineHeight: -1, Time: -1}
	if err := checkChain(genesis, first, origin, make([]byte, 32), 0, 1); err != nil {
		t.Error(err)
	}
	if err := checkChain(genesis, second, first, leafHash(headers[0]), 2, 3); err != nil {
		t.Error(err)
	}
	if err := checkProposer(genesis, second, [][]byte{pick(t, blocks, "proposer's signature over header 1")}); err != nil {
		t.Error(err)
	}
	same(t, "log_root 0", treeRoot([][]byte{leafHash(genesisLeaf)}), first.LogRoot)
	all := [][]byte{leafHash(genesisLeaf), leafHash(headers[0]), leafHash(leaf)}
	same(t, "log_root 1", treeRoot(all), second.LogRoot)
	same(t, "root at size 4", treeRoot(append(all, leafHash(headers[1]))), pick(t, blocks, "tree root at size 4"))
	noneLeft(t, blocks)

	state := genesis.state
	same(t, "state_root 0", state.root(), first.StateRoot)
	if err := state.applyEntry(block{second.Time, genesis.Parameters, genesis.ChainID}, 2, leaf, records); err != nil {
		t.Fatal(err)
	}
	same(t, "state_root 1", state.root(), second.StateRoot)

	blocks = hexBlocks(t, "state")
	same(t, "state root", state.root(), pick(t, blocks, "state root after height 1"))
	for label, key := range map[string][]any{"entry row": {"entry", entry.ID()}, "author key row": {"key", entry.Author}} {
		same(t, label+"'s key", Encode(key), pick(t, blocks, label+": key"))
		value, _ := state.get(key)
		same(t, label+"'s value", Encode(value), pick(t, blocks, label+": value"))
	}
	for label, present := range map[string]bool{
		"membership proof, author key row": true, "absence proof, a document nobody anchored": false,
	} {
		proof := must[*stateProof](t)(parseStateProof(label, must[any](t)(Decode(pick(t, blocks, label)))))
		if (proof.value != nil) != present {
			t.Errorf("%s: shows the opposite", label)
		}
		if err := proof.check(state.root()); err != nil {
			t.Errorf("%s: %v", label, err)
		}
		if err := proof.check(first.StateRoot); err == nil {
			t.Errorf("%s: holds under another root", label)
		}
	}
	noneLeft(t, blocks)
}

func TestCheckpointAndReceipt(t *testing.T) {
	parts := fences(t, "checkpoint", 2)
	policy := must[*Policy](t)(parsePolicy([]byte(parts[0])))
	proven := must[*Proven](t)(policy.check([]byte(parts[1])))
	root := hexBlocks(t, "header")["tree root at size 4"]
	if proven.Size != 4 || !bytes.Equal(proven.Root, root) {
		t.Error("the checkpoint is of another tree")
	}
	genesis := must[*Genesis](t)(decodeGenesis(hexBlocks(t, "genesis")["genesis leaf"]))
	if err := genesis.checkPolicy(policy); err != nil {
		t.Error(err)
	}

	receipt := []byte(fences(t, "receipt", 1)[0])
	extra := must[*receiptParts](t)(parseReceipt(must[*Proof](t)(parseProof(receipt)).Extra))
	same(t, "the record", extra.record, hexBlocks(t, "entry")["record 1"])
	if answer := judgeReceipt(receipt, policy, nil); answer.Verdict != InForce {
		t.Errorf("%v: %s", answer.Verdict, answer.Reason)
	}
	// The example's files, as tests/chains.py makes them.
	if answer := judgeFile([]byte("paper 1"), nil, receipt, policy, nil); answer.Verdict != InForce {
		t.Errorf("%v: %s", answer.Verdict, answer.Reason)
	}
	if answer := judgeFile([]byte("paper 0"), nil, receipt, policy, nil); answer.Verdict != DoesNotMatch {
		t.Errorf("%v: %s", answer.Verdict, answer.Reason)
	}
	for i := range receipt {
		altered := slices.Clone(receipt)
		altered[i] ^= 1
		if answer := judgeReceipt(altered, policy, nil); answer.Verdict != DoesNotMatch && answer.Verdict != CannotTell {
			t.Errorf("a changed byte %d goes unnoticed", i)
		}
	}
}

func TestCertificateProof(t *testing.T) {
	blocks := hexBlocks(t, "certificate-proof")
	data := readVectors(t, "certificate-proof")["renewed-by-another"].hex("data")
	same(t, "the file's SHA-256", hash(data), pick(t, blocks, "SHA-256 of the file"))
	proof := must[*certificateProof](t)(parseCertificateProof(data))
	var tree frontier
	for i, one := range proof.records {
		name := fmt.Sprintf("record %d", i)
		id := hash(inContext(contextEntry, one.body))
		leaf := leafHash(Encode([]any{id, one.index, leafHash(one.record)}))
		same(t, name, one.record, pick(t, blocks, name))
		same(t, name+"'s body", one.body, pick(t, blocks, name+": entry_body"))
		same(t, name+"'s entry_id", id, pick(t, blocks, name+": entry_id"))
		same(t, name+"'s leaf", leaf, pick(t, blocks, name+": leaf hash in the history"))
		tree.add(leaf)
	}
	same(t, "root", tree.root(), pick(t, blocks, "root in the subject's row"))
	second := must[*Entry](t)(decodeBody(proof.records[1].body))
	same(t, "key", Encode([]any{"key", second.Author}), pick(t, blocks, "key proof: key"))
	same(t, "row", proof.keys[0].value, pick(t, blocks, "key proof: value"))
	noneLeft(t, blocks)
}

func TestRecordTypes(t *testing.T) {
	kinds := []struct{ rule, kind string }{
		{"text, 1–1000 bytes of UTF-8, none of U+0000–U+001F, U+007F–U+009F, U+2028–U+202E and U+2066–U+2069", kindLine1000},
		{"text, 1–200 bytes of UTF-8, none of U+0000–U+001F, U+007F–U+009F, U+2028–U+202E and U+2066–U+2069", kindLine200},
		{"text, 1–60 bytes of UTF-8, none of U+0000–U+001F, U+007F–U+009F, U+2028–U+202E and U+2066–U+2069", kindLine60},
		{"text, 1–64 letters of `" + allWordLetters + "`", kindWord},
		{"text, 1–20 letters of `" + allNumbers + "`", kindLabel},
		{"text, 1–40 letters of `" + allNumbers + "`", kindDecision},
		{"bytes, exactly 16", kindIdentifier},
		{"bytes, exactly 32", kindHash},
		{"bytes, exactly 64", kindSignature},
		{"date `YYYY-MM-DD` in ASCII digits that exists in the Gregorian calendar, 1900-01-01 to 9999-12-31", kindDate},
		{"media type without parameters, 3–127 letters: two parts joined by one `/`, each a letter `a`–`z` or digit, " +
			"then letters `a`–`z`, digits and `!#$&+-.^_`", kindMedia},
		{"integer, 0 to 9007199254740991", kindNatural},
		{"integer, 0 to 64", kindTo64},
		{"integer, 0 to 2147483647", kindPlace},
		{"integer, 1 to 64", kindFrom1To64},
		{"integer, 1 to 256", kindFrom1To256},
		{"list of different words in ascending order, at least one, out of: " + strings.Join(roleNames, ", "), kindRoles},
	}
	kindOf := func(rule string) string {
		for _, k := range kinds {
			if rule == k.rule {
				return k.kind
			}
		}
		if strings.HasPrefix(rule, kindOneOf) {
			return rule
		}
		t.Errorf("the rule %q is not known here", rule)
		return ""
	}
	sections := strings.Split(example(t, "record-types"), "### `")[1:]
	if len(sections) != len(recordTypes)+len(notJudged) {
		t.Errorf("the page has %d types, the program %d, and %d that it does not judge", len(sections), len(recordTypes), len(notJudged))
	}
	rolesOf := regexp.MustCompile(`Roles: ([a-z, -]+)\.( A successor may author it\.)?\n`)
	rowOf := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*?) \\| (yes|no) \\|")
	for _, section := range sections {
		name, text, _ := strings.Cut(section, "`\n")
		table, ok := recordTypes[name]
		if slices.Contains(notJudged, name) && !ok {
			continue
		}
		if !ok {
			t.Errorf("%s is not known here", name)
			continue
		}
		said := rolesOf.FindStringSubmatch(text)
		roles := strings.Split(strings.ReplaceAll(said[1], ", ", " or "), " or ")
		if (said[2] != "") != table.bySuccessor {
			t.Errorf("%s: by a successor, or not", name)
		}
		if !slices.Equal(roles, table.roles) {
			t.Errorf("%s: roles %v", name, roles)
		}
		rows := rowOf.FindAllStringSubmatch(text, -1)
		if len(rows) != len(table.fields) {
			t.Errorf("%s: %d fields", name, len(rows))
		}
		for _, row := range rows {
			if got, want := table.fields[row[1]], (field{kindOf(row[2]), row[3] == "yes"}); got != want {
				t.Errorf("%s: %s is %v, the page says %v", name, row[1], got, want)
			}
		}
	}
}
