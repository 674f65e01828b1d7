// Command witness is a log that another project runs, github.com/transparency-dev/tessera, with this project's witness asked for
// each of its checkpoints. It publishes nothing that the witness has not cosigned.
//
// Arguments: a directory, the log's secret key as a note signer, the witness's verifier key, its address, and how many
// checkpoints to get cosigned. It prints the last of them.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) != 6 {
		fail(fmt.Errorf("usage: witness DIRECTORY SIGNER WITNESS-VKEY WITNESS-URL CHECKPOINTS"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	signer, err := note.NewSigner(os.Args[2])
	fail(err)
	address, err := url.Parse(os.Args[4])
	fail(err)
	witness, err := tessera.NewWitness(os.Args[3], address)
	fail(err)
	rounds, err := strconv.Atoi(os.Args[5])
	fail(err)
	driver, err := posix.New(ctx, posix.Config{Path: os.Args[1]})
	fail(err)
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(200*time.Millisecond).
		WithBatching(4, 50*time.Millisecond).
		WithWitnesses(tessera.NewWitnessGroup(1, witness), nil)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	fail(err)
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	var last []byte
	for round := range rounds {
		entry := tessera.NewEntry([]byte(fmt.Sprintf("entry %d at %d", round, time.Now().UnixNano())))
		_, last, err = awaiter.Await(ctx, appender.Add(ctx, entry))
		fail(err)
	}
	fail(shutdown(ctx))
	_, err = os.Stdout.Write(last)
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
