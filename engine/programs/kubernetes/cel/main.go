// plumbline-cel says what the API server would say about an object: it evaluates the expressions of a
// ValidatingAdmissionPolicy with the API server's own compiler, library and cost limits, outside the API server.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

const usage = `usage: plumbline-cel [judge | pod-security]

Reads one JSON document a line, answers one JSON document a line, in order, until the input ends.

judge (default)
  {"compile": [POLICY, ...]}            replaces the policies; answers {"problems": [{policy, at, line, column, message}]}
  {"judge": REVIEW, "policies": [ID]}   answers {"verdicts": [{policy, verdict, message}]}; every policy if none is named
pod-security
  OBJECT                                answers {"allowed", "reasons"}: Pod Security "restricted", by the upstream library

POLICY  {id, params, variables: [{name, expression}], matchConditions: [{name, expression}],
         validations: [{expression, messageExpression, message}]}
REVIEW  {object, oldObject, request, params, namespaceObject}
verdict pass | fail | skip (a match condition is false) | error (the API server would refuse, too)
`

func main() {
	command := "judge"
	if len(os.Args) == 2 {
		command = os.Args[1]
	}
	if len(os.Args) > 2 {
		command = ""
	}
	var answer func(line []byte) (any, error)
	switch command {
	case "judge":
		answer = newJudge().answer
	case "pod-security":
		answer = newPodSecurity().answer
	case "--help", "-h":
		fmt.Print(usage)
		return
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(64)
	}
	if err := serve(os.Stdin, os.Stdout, answer); err != nil {
		fmt.Fprintf(os.Stderr, "plumbline-cel: %v\n", err)
		os.Exit(1)
	}
}

// serve answers each line before it reads the next one, so that a caller may keep the program running and talk to it.
func serve(in io.Reader, out io.Writer, answer func(line []byte) (any, error)) error {
	reader := bufio.NewReaderSize(in, 1<<16)
	writer := bufio.NewWriter(out)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		line, readErr := reader.ReadBytes('\n')
		if len(line) > 1 {
			value, err := answer(line)
			if err != nil {
				value = map[string]string{"error": err.Error()}
			}
			if err := encoder.Encode(value); err != nil {
				return fmt.Errorf("writing an answer: %w", err)
			}
			if err := writer.Flush(); err != nil {
				return fmt.Errorf("writing an answer: %w", err)
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return fmt.Errorf("reading a line: %w", readErr)
		}
	}
}
