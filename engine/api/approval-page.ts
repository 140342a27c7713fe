import type { Verdict } from "../core/approval.ts";
import type { ApprovalLink } from "../store/approval-links.ts";

type Asked = Pick<ApprovalLink, "dagId" | "dagRunId" | "taskId" | "message">;

/** The page behind a mail's link. Opening it decides nothing: programs that look at mails follow every link. */
export function approvalPage(asked: Asked): string {
  if (asked.message === null) return page(asked, "<p>Nobody waits for an answer any more: it was decided before.</p>");
  return page(
    asked,
    `<p style="white-space: pre-wrap">${escaped(asked.message)}</p>
<form method="post">
<p><label>Note<br><textarea name="note" rows="3" cols="60" maxlength="1000"></textarea></label></p>
<p><button name="decision" value="approved">Approve</button> <button name="decision" value="rejected">Reject</button></p>
</form>`,
  );
}

export const decidedPage = (asked: Asked, decision: Verdict): string =>
  page(asked, `<p>It is ${decision}. Thank you.</p>`);

function page({ dagId, dagRunId, taskId }: Asked, body: string): string {
  const title = escaped(`${dagId}: ${taskId}`);
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body style="font: 16px/1.5 sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em">
<h1 style="font-size: 20px">${title}</h1>
<p>${escaped(dagRunId)}</p>
${body}
</body></html>
`;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
