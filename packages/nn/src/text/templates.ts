/** Templates that models are trained with, for tokenizers that bring none of their own. */
import type { ChatTemplate } from './chat.ts'

/**
 * ChatML: `<|im_start|>role`, the content, `<|im_end|>`. What Qwen, SmolLM2 and many others write.
 * Source: OpenAI, openai-python/chatml.md.
 *
 * @example
 * ```ts
 * import { chatMl } from '@adjoint/nn'
 * console.log(chatMl.needs) // ['<|im_start|>', '<|im_end|>']
 * ```
 */
export const chatMl: ChatTemplate = {
  source:
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  needs: ['<|im_start|>', '<|im_end|>'],
}

/**
 * The template of DeepSeek-R1-Zero: plain text that asks a base model to think between tags before it answers. Of a conversation it
 * takes the turns of `user` and `assistant`. Source: DeepSeek-AI (arXiv:2501.12948), table 1.
 *
 * @example
 * ```ts
 * import { r1Template } from '@adjoint/nn'
 * console.log(r1Template.source.slice(0, 43)) // A conversation between User and Assistant.
 * ```
 */
export const r1Template: ChatTemplate = {
  source:
    '{{ "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first ' +
    'thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning process and answer ' +
    'are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> ' +
    '<answer> answer here </answer>." }}' +
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ ' User: ' + message['content'] + '.' }}" +
    "{% elif message['role'] == 'assistant' %}{{ ' Assistant: ' + message['content'] }}" +
    "{% else %}{{ raise_exception('The R1 template knows user and assistant, not ' + message['role']) }}{% endif %}{% endfor %}" +
    "{% if add_generation_prompt %}{{ ' Assistant:' }}{% endif %}",
  needs: [],
}
