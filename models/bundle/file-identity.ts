import type { BigIntStats } from "node:fs";

/** What tells that a file is still the one that it was, without reading it. */
export interface FileIdentity {
  device: string;
  inode: string;
  bytes: number;
  modifiedNs: string;
  changedNs: string;
}

export const identityOf = ({ ctimeNs, dev, ino, mtimeNs, size }: BigIntStats): FileIdentity => ({
  device: String(dev),
  inode: String(ino),
  bytes: Number(size),
  modifiedNs: String(mtimeNs),
  changedNs: String(ctimeNs),
});

export const isSameFile = (a: FileIdentity, b: FileIdentity): boolean =>
  a.device === b.device &&
  a.inode === b.inode &&
  a.bytes === b.bytes &&
  a.modifiedNs === b.modifiedNs &&
  a.changedNs === b.changedNs;
