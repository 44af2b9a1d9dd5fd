export interface AppProposal {
    readonly roadIndex: bigint;
    readonly appHash: Uint8Array | undefined;
    readonly epochIndex: bigint;
    readonly globalFirst: bigint;
    readonly globalNext: bigint;
}
export type AppQC = Certificate<AppProposal>;
export interface Block {
    readonly header: BlockHeader;
    readonly payload: Payload;
}
export interface BlockHeader {
    readonly lane: LaneId;
    readonly blockNumber: bigint;
    readonly parentHash: Uint8Array;
    readonly payloadHash: Uint8Array;
}
export interface Certificate<T> {
    readonly vote: T;
    readonly sigs: readonly Signature[];
}
export interface CertifyOptions {
    readonly verifier?: Verifier | undefined;
    readonly signal?: AbortSignal | undefined;
}
export type CommitQC = Certificate<Proposal>;
export declare class DecodeError extends LanekeeperError {
    readonly reason: DecodeReason;
    readonly path: string;
    readonly offset: number;
    constructor(reason: DecodeReason, place: Place, detail: string);
}
export type DecodeReason = "count" | "size" | "total" | "malformed" | "field_number" | "missing" | "length" | "duplicate_lane" | "empty";
export interface FullCommitQC {
    readonly qc: CommitQC;
    readonly headers: readonly BlockHeader[];
}
export interface FullProposal {
    readonly proposal: SignedProposal;
    readonly laneQCs: readonly LaneQC[];
    readonly timeoutQC: TimeoutQC | undefined;
}
export interface FullTimeoutVote {
    readonly vote: SignedTimeoutVote;
    readonly latestPrepareQC: PrepareQC | undefined;
}
export declare const HASH_BYTES = 32;
export declare const HEADERS_MAX = 1000;
export declare const KEY_BYTES = 32;
export declare class KeyPair implements Signer {
    #private;
    readonly publicKey: Uint8Array;
    constructor(seed: Uint8Array);
    sign(digest: Uint8Array): Signature;
    toJSON(): object;
    [inspect.custom](): string;
}
export declare const LANE_BLOCKS_MAX = 30n;
export interface LaneParts {
    readonly key: Uint8Array;
    readonly joined: bigint;
}
export type LaneQC = Certificate<BlockHeader>;
export interface LaneRange {
    readonly lane: LaneId;
    readonly first: bigint;
    readonly next: bigint;
    readonly lastHash: Uint8Array;
}
export type Made<T, S extends Signer> = ReturnType<S["sign"]> extends Signature ? T : T | Promise<T>;
export interface NewBlock {
    readonly lane: LaneId;
    readonly blockNumber: bigint;
    readonly parentHash: Uint8Array;
    readonly payload: Payload;
}
export interface Payload {
    readonly createdAt: Timestamp;
    readonly txs: readonly Uint8Array[];
    readonly totalGasWanted: bigint;
    readonly totalGasEstimated: bigint;
}
export interface PersistedInner {
    readonly commitQC: CommitQC | undefined;
    readonly prepareQC: PrepareQC | undefined;
    readonly timeoutQC: TimeoutQC | undefined;
    readonly timeoutVote: FullTimeoutVote | undefined;
    readonly commitVote: SignedProposal | undefined;
    readonly prepareVote: SignedProposal | undefined;
}
export interface Place {
    readonly path: string;
    readonly offset: number;
}
export type PrepareQC = Certificate<Proposal>;
export interface Proposal {
    readonly view: View;
    readonly timestamp: Timestamp;
    readonly laneRanges: readonly LaneRange[];
    readonly globalFirst: bigint;
}
export interface PruneAnchor {
    readonly appQC: AppQC;
    readonly commitQC: CommitQC;
}
export declare const RANGE_BLOCKS_MAX = 10n;
export declare const SIGNATURE_BYTES = 64;
export interface Signature {
    readonly key: Uint8Array;
    readonly bytes: Uint8Array;
}
export interface Signed<T> {
    readonly msg: T;
    readonly sig: Signature;
}
export type SignedAppVote = Signed<AppProposal>;
export type SignedBlock = Signed<Block>;
export type SignedBlockHeader = Signed<BlockHeader>;
export type SignedProposal = Signed<Proposal>;
export type SignedTimeoutVote = Signed<TimeoutVote>;
export interface Signer {
    readonly publicKey: Uint8Array;
    sign(digest: Uint8Array): Signature | Promise<Signature>;
}
export declare const TXS_BYTES_MAX = 2048000;
export declare const TXS_MAX = 2000;
export interface TimeoutQC {
    readonly votes: readonly SignedTimeoutVote[];
    readonly latestPrepareQC: PrepareQC | undefined;
}
export interface TimeoutVote {
    readonly view: View;
    readonly latestPrepareQcViewNumber: bigint | undefined;
}
export interface Timestamp {
    readonly seconds: bigint;
    readonly nanos: number;
}
export declare const U64_MAX = 18446744073709551615n;
export declare const VALIDATORS_MAX = 100;
export interface VerifierCounts {
    readonly known: number;
    readonly knownSignatures: number;
    readonly signatures: number;
    readonly byWorker: number;
    readonly workerDeaths: number;
}
export interface VerifierOptions {
    readonly knownMax?: number | undefined;
    readonly worker?: URL | "none" | undefined;
}
export declare class VerifyError extends LanekeeperError {
    readonly errorClass: VerifyErrorClass;
    constructor(errorClass: VerifyErrorClass, detail: string);
}
export type VerifyErrorClass = (typeof verifyErrorClasses)[number];
export interface VerifyOptions {
    readonly signal?: AbortSignal | undefined;
}
export interface View {
    readonly index: bigint;
    readonly number: bigint;
    readonly epochIndex: bigint;
}
export interface ViewStart {
    readonly epoch: Epoch;
    readonly commitQC: CommitQC | undefined;
    readonly timeoutQC: TimeoutQC | undefined;
    readonly genesis: {
        readonly globalFirst: bigint;
        readonly timestamp: Timestamp;
    };
}
export interface Weighted {
    readonly key: Uint8Array;
    readonly weight: bigint;
}
export declare const ZERO_HASH: Uint8Array;
export declare function appVoteDigest(value: AppProposal): Uint8Array;
export declare function buildBlock(block: NewBlock): Block;
export declare function certifyApp(votes: readonly Signed<AppProposal>[], committee: Committee, options?: CertifyOptions): Promise<AppQC>;
export declare function certifyCommit(votes: readonly Signed<Proposal>[], epoch: Epoch, options?: CertifyOptions): Promise<CommitQC>;
export declare function certifyLane(votes: readonly Signed<BlockHeader>[], committee: Committee, options?: CertifyOptions): Promise<LaneQC>;
export declare function certifyPrepare(votes: readonly Signed<Proposal>[], epoch: Epoch, options?: CertifyOptions): Promise<PrepareQC>;
export declare function commitVoteDigest(value: Proposal): Uint8Array;
export declare const decodeAppProposal: (bytes: Uint8Array) => AppProposal;
export declare const decodeAppQC: (bytes: Uint8Array) => AppQC;
export declare const decodeBlock: (bytes: Uint8Array) => Block;
export declare const decodeBlockHeader: (bytes: Uint8Array) => BlockHeader;
export declare const decodeCommitQC: (bytes: Uint8Array) => CommitQC;
export declare const decodeFullCommitQC: (bytes: Uint8Array) => FullCommitQC;
export declare const decodeFullProposal: (bytes: Uint8Array) => FullProposal;
export declare const decodeFullTimeoutVote: (bytes: Uint8Array) => FullTimeoutVote;
export declare const decodeLaneId: (bytes: Uint8Array) => LaneId;
export declare const decodeLaneQC: (bytes: Uint8Array) => LaneQC;
export declare const decodeLaneRange: (bytes: Uint8Array) => LaneRange;
export declare const decodePayload: (bytes: Uint8Array) => Payload;
export declare const decodePersistedInner: (bytes: Uint8Array) => PersistedInner;
export declare const decodePrepareQC: (bytes: Uint8Array) => PrepareQC;
export declare const decodeProposal: (bytes: Uint8Array) => Proposal;
export declare const decodePruneAnchor: (bytes: Uint8Array) => PruneAnchor;
export declare const decodePublicKey: (bytes: Uint8Array) => Uint8Array<ArrayBufferLike>;
export declare const decodeSignature: (bytes: Uint8Array) => Signature;
export declare const decodeSignedAppVote: (bytes: Uint8Array) => Signed<AppProposal>;
export declare const decodeSignedBlock: (bytes: Uint8Array) => Signed<Block>;
export declare const decodeSignedBlockHeader: (bytes: Uint8Array) => Signed<BlockHeader>;
export declare const decodeSignedProposal: (bytes: Uint8Array) => SignedProposal;
export declare const decodeSignedTimeoutVote: (bytes: Uint8Array) => SignedTimeoutVote;
export declare const decodeTimeoutQC: (bytes: Uint8Array) => TimeoutQC;
export declare const decodeTimeoutVote: (bytes: Uint8Array) => TimeoutVote;
export declare const decodeTimestamp: (bytes: Uint8Array) => Timestamp;
export declare const decodeView: (bytes: Uint8Array) => View;
export declare const encodeAppProposal: (value: AppProposal) => Uint8Array;
export declare const encodeAppQC: (value: Certificate<AppProposal>) => Uint8Array;
export declare const encodeBlock: (value: Block) => Uint8Array;
export declare const encodeBlockHeader: (value: BlockHeader) => Uint8Array;
export declare const encodeCommitQC: (value: Certificate<Proposal>) => Uint8Array;
export declare const encodeFullCommitQC: (value: FullCommitQC) => Uint8Array;
export declare const encodeFullProposal: (value: FullProposal) => Uint8Array;
export declare const encodeFullTimeoutVote: (value: FullTimeoutVote) => Uint8Array;
export declare const encodeLaneId: (value: LaneId) => Uint8Array;
export declare const encodeLaneQC: (value: Certificate<BlockHeader>) => Uint8Array;
export declare const encodeLaneRange: (value: LaneRange) => Uint8Array;
export declare const encodePayload: (value: Payload) => Uint8Array;
export declare const encodePersistedInner: (value: PersistedInner) => Uint8Array;
export declare const encodePrepareQC: (value: Certificate<Proposal>) => Uint8Array;
export declare const encodeProposal: (value: Proposal) => Uint8Array;
export declare const encodePruneAnchor: (value: PruneAnchor) => Uint8Array;
export declare const encodePublicKey: (value: Uint8Array<ArrayBufferLike>) => Uint8Array;
export declare const encodeSignature: (value: Signature) => Uint8Array;
export declare const encodeSignedAppVote: (value: Signed<AppProposal>) => Uint8Array;
export declare const encodeSignedBlock: (value: Signed<Block>) => Uint8Array;
export declare const encodeSignedBlockHeader: (value: Signed<BlockHeader>) => Uint8Array;
export declare const encodeSignedProposal: (value: Signed<Proposal>) => Uint8Array;
export declare const encodeSignedTimeoutVote: (value: Signed<TimeoutVote>) => Uint8Array;
export declare const encodeTimeoutQC: (value: TimeoutQC) => Uint8Array;
export declare const encodeTimeoutVote: (value: TimeoutVote) => Uint8Array;
export declare const encodeTimestamp: (value: Timestamp) => Uint8Array;
export declare const encodeView: (value: View) => Uint8Array;
export declare function globalRange(proposal: Proposal): {
    readonly first: bigint;
    readonly next: bigint;
};
export declare function headerHash(header: BlockHeader): Uint8Array;
export declare function isLaneId(value: unknown): value is LaneId;
export declare function keyPairFromSeed(seed: Uint8Array): KeyPair;
export declare function laneIdOf(key: Uint8Array, joined: bigint): LaneId;
export declare function laneParts(lane: LaneId): LaneParts;
export declare function laneProposalDigest(value: Block): Uint8Array;
export declare function laneRangeOf(lane: LaneId, first: bigint, headers: readonly BlockHeader[]): LaneRange;
export declare function laneVoteDigest(value: BlockHeader): Uint8Array;
export declare function payloadHash(payload: Payload): Uint8Array;
export declare function prepareVoteDigest(value: Proposal): Uint8Array;
export declare function proposalDigest(value: Proposal): Uint8Array;
export declare function signAppVote<S extends Signer>(app: AppProposal, signer: S): Made<Signed<AppProposal>, S>;
export declare function signBlock<S extends Signer>(block: Block, signer: S): Made<Signed<Block>, S>;
export declare function signCommitVote<S extends Signer>(proposal: Proposal, signer: S): Made<Signed<Proposal>, S>;
export declare function signLaneVote<S extends Signer>(header: BlockHeader, signer: S): Made<Signed<BlockHeader>, S>;
export declare function signPrepareVote<S extends Signer>(proposal: Proposal, signer: S): Made<Signed<Proposal>, S>;
export declare function signProposal<S extends Signer>(proposal: Proposal, signer: S): Made<Signed<Proposal>, S>;
export declare function signTimeoutVote<S extends Signer>(vote: TimeoutVote, signer: S): Made<Signed<TimeoutVote>, S>;
export declare function timeoutVoteDigest(value: TimeoutVote): Uint8Array;
export declare function unknownFieldOfVotes(bytes: Uint8Array): string | undefined;
export declare function verify(digest: Uint8Array, sig: Signature): boolean;
export declare function verifyAnchor(anchor: PruneAnchor, epochOf: EpochOf, options?: VerifyOptions): Promise<void>;
export declare function verifyAppAgainstCommit(app: AppProposal, qc: CommitQC): void;
export declare function verifyAppQC(qc: AppQC, committee: Committee, options?: VerifyOptions): Promise<void>;
export declare function verifyBlock(block: Block, committee: Committee): void;
export declare function verifyCommitQC(qc: CommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void>;
export declare function verifyFullCommitQC(full: FullCommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void>;
export declare function verifyFullProposal(full: FullProposal, start: ViewStart, options?: VerifyOptions): Promise<void>;
export declare function verifyLaneQC(qc: LaneQC, committee: Committee, options?: VerifyOptions): Promise<void>;
export declare function verifyPrepareQC(qc: PrepareQC, epoch: Epoch, options?: VerifyOptions): Promise<void>;
export declare function verifySignature(sig: Signature, digest: Uint8Array, committee: Committee): void;
export declare function verifySignedBlock(signed: SignedBlock, committee: Committee): void;
export declare function verifyTimeoutQC(qc: TimeoutQC, epoch: Epoch, previous: CommitQC | undefined, options?: VerifyOptions): Promise<void>;
