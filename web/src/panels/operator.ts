import { useLocalStorage } from '@vueuse/core'
import { inject, provide, shallowRef, type InjectionKey, type Ref, type ShallowRef } from 'vue'

/** Who acts at this desk. Until there are accounts it is what somebody wrote here, kept by this browser. */
export interface Operator {
  name: Ref<string>
  /** Set while the name is asked for. */
  asking: Readonly<ShallowRef<((name: string | null) => void) | null>>
  /** The name, asked for when there is none; null when none was given. */
  named(): Promise<string | null>
}

const operatorKey: InjectionKey<Operator> = Symbol('operator')

export function provideOperator(): Operator {
  const name = useLocalStorage('operator', '')
  const asking = shallowRef<((name: string | null) => void) | null>(null)
  const operator: Operator = {
    name,
    asking,
    named() {
      const known = name.value.trim()
      if (known !== '') return Promise.resolve(known)
      asking.value?.(null)
      return new Promise((resolve) => {
        asking.value = (given) => {
          asking.value = null
          if (given !== null) name.value = given
          resolve(given)
        }
      })
    },
  }
  provide(operatorKey, operator)
  return operator
}

export function useOperator(): Operator {
  const operator = inject(operatorKey)
  if (!operator) throw new Error('no operator provided')
  return operator
}
