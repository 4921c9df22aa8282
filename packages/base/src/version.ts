/** As in package.json; a test holds both together. */
export const version = '0.1.0';
