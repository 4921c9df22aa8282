// Runs a Lua script of Argo CD the way its API server does: the same interpreter, the same JSON library, only the libraries
// package, base, table and a part of os, and one second. Reads a JSON array of objects from stdin, sets each as `obj`, and
// writes an array of what the script returned. Argument: the script's file.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

func main() {
	answers, err := runAll()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "argo-lua:", err)
		os.Exit(1)
	}
}

func runAll() ([]json.RawMessage, error) {
	if len(os.Args) != 2 {
		return nil, fmt.Errorf("%d arguments, expected the file of a script", len(os.Args)-1)
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return nil, err
	}
	var objects []map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return nil, fmt.Errorf("reading stdin: %w", err)
	}
	answers := make([]json.RawMessage, 0, len(objects))
	for _, object := range objects {
		answer, err := run(string(script), object)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func run(script string, object map[string]any) (json.RawMessage, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	}
	for name, open := range libraries {
		call := lua.P{Fn: state.NewFunction(open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luajson.DecodeValue(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	answer := state.Get(-1)
	if answer.Type() != lua.LTTable {
		return nil, fmt.Errorf("the script returned a %s, expected a table", answer.Type())
	}
	return luajson.Encode(answer)
}
