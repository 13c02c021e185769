import type { QuantizationReport } from "./report.ts";
export const htmlReport = (report: QuantizationReport): string => `<pre>${JSON.stringify(report)}</pre>`;
