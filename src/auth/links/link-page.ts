import { createHash } from 'node:crypto';

const STYLE = `body{font:17px/1.5 system-ui,sans-serif;color:#222;background:#f6f4f1;margin:0}
main{max-width:26rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px}
h1{font-size:1.3rem;margin:0 0 .6rem}button{font:inherit;padding:.6rem 1.2rem;border:0;
border-radius:8px;background:#222;color:#fff;cursor:pointer}button:disabled{opacity:.5}
input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin:.2rem 0 1rem}`;

/** Posts the form as JSON and shows the answer; a session that verifying opens is closed again. */
const SCRIPT = `const form=document.querySelector('form'),out=document.querySelector('output');
const post=(to,body)=>fetch(to,{method:'POST',headers:{'content-type':'application/json'},body:JSON.stringify(body)});
form.addEventListener('submit',async(event)=>{event.preventDefault();
const button=form.querySelector('button');button.disabled=true;
try{const answer=await post(form.getAttribute('action'),Object.fromEntries(new FormData(form)));
const body=answer.status===204?{}:await answer.json();
if(answer.ok){if(body.refreshToken)await post('/v1/auth/logout',{refreshToken:body.refreshToken});
form.hidden=true;out.textContent=form.dataset.done}
else{out.textContent=body.detail||'That did not succeed.';button.disabled=answer.status===400&&body.code==='auth.token_invalid'}}
catch{out.textContent='No connection; try again.';button.disabled=false}});
history.replaceState(null,'',location.pathname)`;

const sha256 = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing but this page's own style and script runs, it talks to this API only, nobody frames it. */
export const LINK_PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    `default-src 'none'; style-src ${sha256(STYLE)}; script-src ${sha256(SCRIPT)}; ` +
    `connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Robots-Tag': 'noindex',
};

interface LinkPage {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly fields: string;
  readonly button: string;
  readonly done: string;
}

const PAGES = {
  'verify-email': {
    title: 'Confirm your address',
    text: 'One click, and your account at House of Models is ready.',
    action: '/v1/auth/verify',
    fields: '',
    button: 'Confirm my address',
    done: 'Your address is confirmed. You can close this page and log in.',
  },
  'reset-password': {
    title: 'Choose a new password',
    text: 'At least 8 characters. Every open session ends.',
    action: '/v1/auth/reset-password',
    fields: `<label>New password<input type="password" name="password" autocomplete="new-password"
      minlength="8" maxlength="128" required></label>`,
    button: 'Set this password',
    done: 'Your password is set. You can close this page and log in.',
  },
} satisfies Record<string, LinkPage>;

/** The only characters of our tokens; anything else is not shown, so nothing can be injected. */
const TOKEN = /^[\w.-]{1,200}$/;

/** The page behind a link in a mail. Looking at it changes nothing; its button sends the token. */
export const linkPage = (name: keyof typeof PAGES, token: unknown): string => {
  const page: LinkPage = PAGES[name];
  const shown = typeof token === 'string' && TOKEN.test(token) ? token : '';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>${page.title}</title>
<style>${STYLE}</style></head><body><main><h1>${page.title}</h1><p>${page.text}</p>
<form method="post" action="${page.action}" data-done="${page.done}">
<input type="hidden" name="token" value="${shown}">${page.fields}
<button type="submit">${page.button}</button></form><p><output></output></p></main>
<script>${SCRIPT}</script></body></html>`;
};
