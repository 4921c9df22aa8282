import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

import { readRooms } from './scripts/rooms.ts';

/** Rooms that decide and encode: no clock, randomness, network, disk or environment enters them (docs/rooms.yaml). */
const pureRooms = readRooms()
  .filter(({ pure }) => pure === true)
  .map(({ room }) => `${room}/**/*.ts`);

export default defineConfig(
  globalIgnores(['**/dist/', 'node_modules/', '.cache/', 'runs/', 'coverage/', 'src/api/generated/', '**/*.cjs']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use a const object or a union of strings.' },
      ],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: pureRooms,
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Pass it in: this room is pure.' },
        { name: 'setTimeout', message: 'Pass a clock in: this room is pure.' },
        { name: 'setInterval', message: 'Pass a clock in: this room is pure.' },
        { name: 'fetch', message: 'This room is pure.' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Pass the time in: this room is pure.' },
        { object: 'Math', property: 'random', message: 'Pass a Random in: this room is pure.' },
      ],
      'no-restricted-imports': ['error', { patterns: [{ regex: '^node:(?!util$)', message: 'This room is pure.' }] }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': 'off',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);
