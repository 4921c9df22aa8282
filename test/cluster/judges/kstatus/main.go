// Reads a JSON array of objects from stdin and writes what kstatus, as Flux and helm use it, says of each.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	verdicts, err := judge()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(verdicts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func judge() ([]verdict, error) {
	var raw []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&raw); err != nil {
		return nil, fmt.Errorf("reading stdin: %w", err)
	}
	verdicts := make([]verdict, 0, len(raw))
	for _, one := range raw {
		// Not json.Unmarshal: generations must be int64, as a client reads them.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(one); err != nil {
			return nil, fmt.Errorf("reading an object: %w", err)
		}
		result, err := status.Compute(object)
		if err != nil {
			return nil, fmt.Errorf("computing a status: %w", err)
		}
		verdicts = append(verdicts, verdict{result.Status.String(), result.Message})
	}
	return verdicts, nil
}
