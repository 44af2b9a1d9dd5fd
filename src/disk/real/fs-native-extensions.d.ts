declare module "fs-native-extensions" {
  /** An exclusive OFD lock on the whole file of `fd`; false where another handle holds it. */
  export function tryLock(fd: number): boolean;
}
