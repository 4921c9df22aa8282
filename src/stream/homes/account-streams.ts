/** All streams of all accounts that the operator manages, for the sweep for those that lost their job (docs/adr/0028). */
import type { StoredStream, StreamOwner } from '../../domain/index.js';

import type { AccountName, StreamHome, SweptAccounts } from './homes.js';

export class AccountStreams {
  readonly #home: StreamHome;

  constructor(home: StreamHome) {
    this.#home = home;
  }

  async accounts(): Promise<SweptAccounts> {
    return this.#home.accountsToSweep();
  }

  /** @throws StreamError */
  async list(account: AccountName): Promise<readonly StoredStream[]> {
    return this.#home.visit(account, (admin) => admin.listStreams());
  }

  /** Marks a stream as its owner's. @throws StreamError */
  async mark(account: AccountName, stream: string, owner: StreamOwner): Promise<void> {
    await this.#home.visit(account, (admin) => admin.markStream(stream, owner));
  }

  /**
   * Ends the users of a job that is gone, then deletes those of these streams that still carry its mark.
   * @returns the names of the deleted streams
   * @throws StreamError
   */
  async remove(account: AccountName, owner: StreamOwner, streams: readonly string[]): Promise<readonly string[]> {
    return this.#home.visit(account, async (admin) => {
      await this.#home.dismiss(owner);
      return admin.removeOwned(streams, owner);
    });
  }

  /** Closes the account of a namespace that has neither jobs nor streams. @throws StreamError */
  async close(namespace: string): Promise<void> {
    await this.#home.closeAccount(namespace);
  }
}
