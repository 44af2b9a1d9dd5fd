"""Keeps a signed block: pushes it, waits until it is durable, and reads it back.

    pip install -r requirements.txt
    python3 push_block.py unix:state/lanekeeper.sock block.pb LANE NUMBER
"""

import pathlib
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "proto"))
keeper_pb2, services = grpc.protos_and_services("lanekeeper/v1/keeper.proto")
types_pb2 = grpc.protos("lanekeeper/v1/types.proto")


def reason(error):
    """The code of Lanekeeper in the details of a failed call: branch on it, never on the message."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return error.code().name


def keep(keeper, block, lane, number):
    """The bytes that the store holds at this number, once they are durable."""
    fence = keeper.AcquireWriter(keeper_pb2.AcquireWriterRequest(writer="python")).fence
    durable = types_pb2.DURABILITY_DURABLE
    push = keeper_pb2.PushBlockRequest(fence=fence, block=block, durability=durable)
    # The answer means durable: now, and only now, a vote may leave. A duplicate is a success.
    result = keeper.PushBlock(push, timeout=30).result
    print(keeper_pb2.PushBlockResponse.Result.Name(result))
    keeper.ReleaseWriter(keeper_pb2.ReleaseWriterRequest(fence=fence))
    place = keeper_pb2.ReadBlockRequest(lane=bytes.fromhex(lane), block_number=int(number))
    return keeper.ReadBlock(place, timeout=30).block


def main(address, file, lane, number):
    block = pathlib.Path(file).read_bytes()
    with grpc.insecure_channel(address) as channel:
        try:
            held = keep(services.KeeperServiceStub(channel), block, lane, number)
        except grpc.RpcError as error:
            sys.exit(f"{reason(error)}: {error.details()}")
    if held != block:
        sys.exit("CONFLICT: another block is held")
    print(f"{len(held)} bytes are durable")


main(*sys.argv[1:])
