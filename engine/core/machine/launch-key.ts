/**
 * The launch key: 48 hexadecimal characters that stand for exactly one remote job (protocol rule 13). A retry or a clear
 * takes the next try number, so it gets another key.
 */
export function launchKey(
  sha256: (text: string) => string,
  installationId: string,
  runId: string,
  taskId: string,
  mapIndex: number,
  tryNumber: number,
): string {
  return sha256(JSON.stringify([installationId, runId, taskId, mapIndex, tryNumber])).slice(0, 48);
}
