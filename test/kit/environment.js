/**
 * Jest's Node environment whose global object is an ordinary one. Jest makes it from a Proxy, and each use of a global
 * (`Math`, `Array`, `Object`) in a test or in what it tests then costs a call: unit and property tests take a fifth less
 * processor time without it. The Proxy only clears what tests leave in globals, and none of ours do.
 */
import vm from 'node:vm';

import { TestEnvironment } from 'jest-environment-node';

const { createContext } = vm;

export default class extends TestEnvironment {
  constructor(config, context) {
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(config, context);
    } finally {
      vm.createContext = createContext;
    }
  }
}
