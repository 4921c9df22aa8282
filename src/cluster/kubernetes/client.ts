/** The API client as the operator and the CLI use it: with Distillery's field manager and its custom resource. */
import { fieldManager } from '../../api/index.js';

import { type ApiClient, httpClient, type HttpClientOptions } from './api/index.js';
import { kinds } from './cache/index.js';

export type ApiClientOptions = Omit<HttpClientOptions, 'fieldManager' | 'kinds'>;

export function apiClient(options: ApiClientOptions): ApiClient {
  return httpClient({ ...options, fieldManager, kinds });
}
