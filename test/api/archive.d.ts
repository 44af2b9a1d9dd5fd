export interface Bucket {
    readonly url: string;
    get(name: string, options?: WaitOptions): Promise<StoredObject | undefined>;
    putIfAbsent(name: string, bytes: Uint8Array, options?: PutOptions): Promise<PutResult>;
    putIfMatch(name: string, bytes: Uint8Array, tag: Tag, options?: PutOptions): Promise<PutResult>;
    list(prefix: string, options?: ListOptions): AsyncGenerator<ListedObject>;
    close(): Promise<void>;
}
export interface BucketChoices {
    readonly credentials?: CredentialSource | undefined;
    readonly ca?: string | undefined;
    readonly environment?: Environment | undefined;
    readonly pacing?: Pacing | undefined;
    readonly idleMs?: number | undefined;
}
export type CredentialSource = "environment" | {
    readonly file: string;
    readonly profile?: string | undefined;
} | (() => Credentials | Promise<Credentials>);
export interface Credentials {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
    readonly expiresAt?: Date | undefined;
}
export type Environment = Readonly<Record<string, string | undefined>>;
export interface ListOptions extends WaitOptions {
    readonly after?: string | undefined;
}
export interface ListedObject {
    readonly name: string;
    readonly bytes: number;
}
export type Needs = "create" | "create and replace";
export interface Pacing {
    readonly random: () => number;
    readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}
export interface PutOptions extends WaitOptions {
    readonly sha256?: Uint8Array | undefined;
}
export type PutResult = {
    readonly stored: true;
    readonly tag: Tag;
} | {
    readonly stored: false;
    readonly held: StoredObject | undefined;
};
export interface StoredObject {
    readonly bytes: Uint8Array;
    readonly tag: Tag;
}
export type Tag = string;
export interface WaitOptions {
    readonly signal?: AbortSignal | undefined;
}
export declare function openBucket(address: string, choices?: BucketChoices): Promise<Bucket>;
export declare function probe(bucket: Bucket, needs: Needs, options?: WaitOptions): Promise<void>;
