export interface ConnectChoices {
    readonly writer?: string;
    readonly takeOver?: boolean;
    readonly tls?: TlsChoices;
    readonly token?: string;
    readonly reachMs?: number;
    readonly signal?: AbortSignal;
}
export declare class LanekeeperClient implements Keeper {
    #private;
    private constructor();
    static connect(address: string, choices?: ConnectChoices): Promise<LanekeeperClient>;
    get recovery(): Recovery;
    get fence(): bigint | undefined;
    pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult>;
    nextBlock(lane: LaneId): ReturnType<Keeper["nextBlock"]>;
    pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void>;
    pushAnchor(anchor: PruneAnchor): Promise<void>;
    pushLaneQC(qc: LaneQC): Promise<void>;
    writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void>;
    release(lane: LaneId, number: bigint, why: string): Promise<void>;
    releases(): ReturnType<Keeper["releases"]>;
    maySign(place: Place): Promise<MaySign>;
    reserved(place: Place, options?: WaitOptions): Promise<void>;
    takeReservations(why: TakeReason, options?: WaitOptions): Promise<void>;
    raiseGuard(raise: Raise, why: Parameters<Keeper["raiseGuard"]>[1]): Promise<void>;
    dropLanesExcept(keep: ReadonlySet<LaneId>, options?: {
        readonly dropAll?: boolean | undefined;
    }): Promise<void>;
    waitForBlock(lane: LaneId, number: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;
    waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;
    waitForAnchor(index: bigint, options?: WaitOptions): Promise<void>;
    sync(options?: WaitOptions): Promise<void>;
    durableBlocks(options?: WaitOptions & {
        readonly from?: ReadonlyMap<LaneId, bigint> | undefined;
    }): AsyncGenerator<DurableBlock>;
    durableCommitQCs(options?: WaitOptions & {
        readonly from?: bigint | undefined;
    }): AsyncGenerator<{
        readonly roadIndex: bigint;
        readonly bytes: Uint8Array;
    }>;
    readBlock(lane: LaneId, number: bigint): Promise<Uint8Array>;
    readCommitQC(index: bigint): Promise<Uint8Array>;
    readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined>;
    readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined>;
    retainedBlocks(lane: LaneId, range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    retainedCommitQCs(range?: RetainedRange): AsyncGenerator<RetainedRecord>;
    on<Kind extends keyof KeeperEvents>(kind: Kind, listener: (facts: KeeperEvents[Kind]) => unknown): () => void;
    status(): Status;
    get closed(): boolean;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}
export interface TlsChoices {
    readonly ca?: string | Uint8Array;
    readonly cert?: string | Uint8Array;
    readonly key?: string | Uint8Array;
    readonly serverName?: string;
}
