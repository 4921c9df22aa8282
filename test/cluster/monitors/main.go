// Reads objects of the Prometheus Operator, as YAML on standard input, as strictly as its types are written.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var object struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			fail(err)
		}
		var into any
		switch object.Kind {
		case "PodMonitor":
			into = &monitoring.PodMonitor{}
		case "PrometheusRule":
			into = &monitoring.PrometheusRule{}
		default:
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			fail(fmt.Errorf("%s: %w", object.Kind, err))
		}
		fmt.Println(object.Kind)
	}
}

func fail(err error) {
	fmt.Println(err)
	os.Exit(1)
}
