// Keeps a signed block: pushes it, waits until it is durable, and reads it back.
//
//	npx buf generate proto --path proto/lanekeeper --template scripts/clients/buf.gen.yaml
//	go run . unix:state/lanekeeper.sock block.pb LANE NUMBER
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	keep "lanekeeper/v1"
)

func main() {
	block := must(os.ReadFile(os.Args[2]))
	lane := must(hex.DecodeString(os.Args[3]))
	number := must(strconv.ParseUint(os.Args[4], 10, 64))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	keeper := keep.NewKeeperServiceClient(must(grpc.NewClient(os.Args[1], plain)))
	fence := must(keeper.AcquireWriter(ctx, &keep.AcquireWriterRequest{Writer: "go"})).Fence
	// The answer means durable: now, and only now, a vote may leave. A duplicate is a success.
	durable := keep.Durability_DURABILITY_DURABLE
	push := &keep.PushBlockRequest{Fence: fence, Block: block, Durability: durable}
	fmt.Println(must(keeper.PushBlock(ctx, push)).Result)
	must(keeper.ReleaseWriter(ctx, &keep.ReleaseWriterRequest{Fence: fence}))

	place := &keep.ReadBlockRequest{Lane: lane, BlockNumber: number}
	if held := must(keeper.ReadBlock(ctx, place)).Block; !bytes.Equal(held, block) {
		must(0, fmt.Errorf("CONFLICT: another block is held"))
	}
	fmt.Println(len(block), "bytes are durable")
}

// Branch on the reason of an ErrorInfo, the code of Lanekeeper, and never on the message.
func must[T any](value T, err error) T {
	if err == nil {
		return value
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			fmt.Fprint(os.Stderr, info.Reason, ": ")
		}
	}
	fmt.Fprintln(os.Stderr, status.Convert(err).Message())
	os.Exit(1)
	return value
}
