/** The API client as the operator and the CLI use it: with Distillery's field manager and its custom resource. */
import { fieldManager } from '../../api/index.js';

import { type ApiClient, httpClient, type HttpClientOptions } from './api/index.js';
import { kinds } from './cache/index.js';

export interface ApiClientOptions extends Omit<HttpClientOptions, 'fieldManager' | 'kinds'> {
  /** Under which the API server records the fields that are written; absent = the operator's. */
  readonly fieldManager?: string;
}

export function apiClient(options: ApiClientOptions): ApiClient {
  return httpClient({ fieldManager, ...options, kinds });
}
