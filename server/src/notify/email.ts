import { createTransport, type Transporter } from 'nodemailer'

export interface Mailer {
  send: (mail: { to: readonly string[]; subject: string; text: string; id: string }) => Promise<void>
  stop: () => void
}

/** Mail through the SMTP server of that URL (`smtp://user:password@host:587`, `smtps://…`). Throws what kept it from being taken. */
export function createMailer(url: string, from: string, timeoutMs: number): Mailer {
  const transport: Transporter = createTransport(url, { from })
  const at = from.split('@').at(-1)?.replace(/>$/, '') ?? 'yiping'
  return {
    async send({ to, subject, text, id }) {
      const sent = transport.sendMail({ to: [...to], subject, text, messageId: `<${id}@${at}>` })
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('the mail server did not answer in time')), timeoutMs)
      })
      await Promise.race([sent, late]).finally(() => clearTimeout(timer))
    },
    stop: () => transport.close(),
  }
}
