import { XmlCodec } from "@aws-sdk/core/protocols";
import { AwsError } from "../contract.ts";
import { escapeXml, type Reply } from "../http/reply.ts";

type Schema = Parameters<ReturnType<XmlCodec["createSerializer"]>["write"]>[0];

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
const codec = new XmlCodec({
  // 5: ISO times, S3's default in XML.
  timestampFormat: { useTrait: true, default: 5 },
  xmlNamespace: NAMESPACE,
  httpBindings: true,
  serviceNamespace: "com.amazonaws.s3",
});

/** An answer whose body is the XML of the SDK's own shape. */
export function xmlReply(shape: Schema, value: object, headers: Readonly<Record<string, string>> = {}): Reply {
  const serializer = codec.createSerializer();
  serializer.write(shape, value);
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${String(serializer.flush())}`;
  return { status: 200, headers: { "content-type": "application/xml", ...headers }, body };
}

export async function readXml<T>(shape: Schema, body: string): Promise<T> {
  try {
    return (await codec.createDeserializer().read(shape, body)) as T;
  } catch {
    throw new AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate.");
  }
}

export function s3ErrorReply(error: AwsError, requestId: string, head: boolean): Reply {
  const xml =
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message><RequestId>${requestId}</RequestId></Error>`;
  return { status: error.httpStatus, headers: { "content-type": "application/xml" }, body: head ? null : xml };
}
