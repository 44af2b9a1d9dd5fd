/**
 * The program of the service of one validator of the devnet. It is deaf to the signals that end its parent,
 * as the program of a validator is.
 */
import { endingSignals, exitCodes } from "../terminal/ending.js";

for (const signal of endingSignals) process.on(signal, () => undefined);
const { runService } = await import("../../devnet/validator/service-process.js");
const { REPORT_DESCRIPTOR, reportTo } = await import("../../devnet/judge/report.js");
const report = reportTo(REPORT_DESCRIPTOR);
const end = (): never => process.exit(exitCodes.SIGPIPE);
process.exit(await runService({ input: process.stdin, report, end }));
