import { Fragment, type CSSProperties, type ReactNode } from 'react';
import type { Fact } from '../letters/wording.js';

/**
 * The few parts that all mails are made of. Tables and inline styles, because that is what mail
 * programs understand; the media query only helps those that know it.
 */

const FONT = "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
const INK = '#1d1b19';
const SOFT = '#6b655e';
const LINE = '#e7e2da';
const PAPER = '#f5f2ec';
const ACCENT = '#8a4b2a';

const STYLE = `
  body { margin: 0; padding: 0; -webkit-text-size-adjust: 100%; }
  img { border: 0; max-width: 100%; height: auto; }
  @media (max-width: 620px) { .sheet { width: 100% !important; } .inside { padding: 24px 20px !important; } }`;

/** Table cells and paragraphs keep the direction of their own text, so that one cannot turn another. */
const OWN_DIRECTION = { dir: 'auto', style: { unicodeBidi: 'isolate' as const } };

/** The whole page: a sheet of paper with the name of the house on top and small print below. */
export const Page = ({
  preview,
  children,
  reason,
}: {
  /** What mail programs show beside the subject. */
  readonly preview: string;
  readonly children: ReactNode;
  /** Why the reader gets this mail. */
  readonly reason: string;
}) => (
  <html lang="en" dir="ltr">
    <head>
      <meta httpEquiv="Content-Type" content="text/html; charset=UTF-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light" />
      <meta name="x-apple-disable-message-reformatting" />
      <title>House of Models</title>
      <style>{STYLE}</style>
    </head>
    <body style={{ backgroundColor: PAPER, margin: 0, fontFamily: FONT, color: INK }}>
      <div data-skip-in-text="true" style={{ display: 'none', maxHeight: 0, overflow: 'hidden' }}>
        {preview}
      </div>
      <Table width="100%" style={{ backgroundColor: PAPER }}>
        <td align="center" style={{ padding: '32px 12px' }}>
          <Table className="sheet" width={600} style={{ width: 600, maxWidth: '100%' }}>
            <td style={{ padding: '0 8px 16px', fontSize: 13, letterSpacing: 3, color: SOFT }}>
              HOUSE OF MODELS
            </td>
          </Table>
          <Table
            className="sheet"
            width={600}
            style={{
              width: 600,
              maxWidth: '100%',
              backgroundColor: '#ffffff',
              border: `1px solid ${LINE}`,
              borderRadius: 8,
            }}
          >
            <td className="inside" style={{ padding: '32px 36px' }}>
              {children}
            </td>
          </Table>
          <Table className="sheet" width={600} style={{ width: 600, maxWidth: '100%' }}>
            <td style={{ padding: '16px 8px 0', fontSize: 12, lineHeight: '18px', color: SOFT }}>
              {reason}
            </td>
          </Table>
        </td>
      </Table>
    </body>
  </html>
);

const Table = ({
  children,
  ...rest
}: {
  readonly children: ReactNode;
  readonly className?: string;
  readonly width?: number | string;
  readonly style?: CSSProperties;
}) => (
  <table role="presentation" cellPadding={0} cellSpacing={0} border={0} {...rest}>
    <tbody>
      <tr>{children}</tr>
    </tbody>
  </table>
);

export const Heading = ({ children }: { readonly children: ReactNode }) => (
  <h1 style={{ margin: '0 0 16px', fontSize: 22, lineHeight: '30px', fontWeight: 600 }}>
    {children}
  </h1>
);

export const Paragraph = ({ children }: { readonly children: ReactNode }) => (
  <p style={{ margin: '0 0 16px', fontSize: 15, lineHeight: '24px' }}>{children}</p>
);

/** A link that looks like a button, with the address below for programs that show no links. */
export const Button = ({
  href,
  label,
  showsAddress = false,
}: {
  readonly href: string;
  readonly label: string;
  readonly showsAddress?: boolean;
}) => (
  <>
    <Table style={{ margin: '8px 0 20px' }}>
      <td style={{ backgroundColor: ACCENT, borderRadius: 6 }}>
        <a
          href={href}
          style={{
            display: 'inline-block',
            padding: '12px 24px',
            color: '#ffffff',
            fontSize: 15,
            fontWeight: 600,
            textDecoration: 'none',
          }}
        >
          {label}
        </a>
      </td>
    </Table>
    {showsAddress && (
      <p style={{ margin: '0 0 16px', fontSize: 12, lineHeight: '18px', color: SOFT }}>
        If the button does nothing, open this address:
        <br />
        <span style={{ wordBreak: 'break-all' }}>{href}</span>
      </p>
    )}
  </>
);

/** Someone's own words, set apart from ours. */
export const Quote = ({ text }: { readonly text: string }) => (
  <blockquote
    {...OWN_DIRECTION}
    style={{
      ...OWN_DIRECTION.style,
      margin: '0 0 16px',
      padding: '4px 0 4px 16px',
      borderLeft: `3px solid ${LINE}`,
      fontSize: 15,
      lineHeight: '24px',
      wordBreak: 'break-word',
    }}
  >
    {text.split('\n').map((line, index) => (
      // The order of lines never changes.
      <Fragment key={index}>
        {index > 0 && <br />}
        {line}
      </Fragment>
    ))}
  </blockquote>
);

export const Picture = ({ cid, alt }: { readonly cid: string; readonly alt: string }) => (
  <p style={{ margin: '0 0 16px' }}>
    <img
      src={`cid:${cid}`}
      alt={alt}
      width={528}
      style={{ display: 'block', width: '100%', maxWidth: 528, borderRadius: 6 }}
    />
  </p>
);

/** Small facts, one a line: what it was, what it cost. */
export const Facts = ({ rows }: { readonly rows: readonly Fact[] }) => (
  <table
    className="facts"
    role="presentation"
    width="100%"
    cellPadding={0}
    cellSpacing={0}
    border={0}
    style={{ margin: '8px 0 16px', borderTop: `1px solid ${LINE}` }}
  >
    <tbody>
      {rows.map(({ label, value }) => (
        <tr key={label}>
          <td style={{ ...FACT, width: '34%', color: SOFT }}>{label}</td>
          <td {...OWN_DIRECTION} style={{ ...FACT, ...OWN_DIRECTION.style }}>
            {value}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

const FACT = {
  padding: '8px 8px 8px 0',
  borderBottom: `1px solid ${LINE}`,
  fontSize: 13,
  lineHeight: '20px',
  verticalAlign: 'top' as const,
  textAlign: 'left' as const,
  wordBreak: 'break-word' as const,
};
