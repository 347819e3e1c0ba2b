import type { Position } from './districts.ts'

/** Where people live and what streets are called, per district: enough to make names and densities believable. */
export interface Place {
  /** Share of the city's stations. */
  share: number
  /** Built-up areas: centre (WGS 84; null: the district's seat), spread in km, weight. The rest lies anywhere. */
  clusters: readonly (readonly [center: Position | null, spreadKm: number, weight: number])[]
  roads: readonly string[]
  estates: readonly string[]
  rivers: readonly string[]
  works: readonly string[]
}

const list = (text: string): string[] => text.trim().split(/\s+/)

/** By adcode. */
export const places: Readonly<Record<string, Place>> = {
  // 中原区
  410102: {
    share: 0.13,
    clusters: [
      [null, 3, 4],
      [[113.56, 34.79], 3.5, 3],
      [[113.6, 34.74], 2.5, 2],
    ],
    roads: list('建设西路 中原西路 桐柏路 秦岭路 嵩山北路 淮河西路 伊河路 华山路 文化宫路 电厂路 西三环 科学大道 瑞达路 冬青街 莲花街 长椿路 碧桃路'),
    estates: list('桐林小区 棉纺苑 嵩苑 秦岭花园 西流湖小区 须水家园 电厂家属院 科学苑 瑞达花园 冬青里 莲花苑 长椿家园'),
    rivers: list('贾鲁河 索须河 西流湖'),
    works: list('柿园 石佛'),
  },
  // 二七区
  410103: {
    share: 0.12,
    clusters: [
      [null, 2.2, 5],
      [[113.63, 34.69], 3, 3],
      [[113.6, 34.65], 3, 1],
    ],
    roads: list('大学路 航海中路 嵩山南路 京广南路 陇海中路 兴华南街 长江中路 淮河东路 政通路 德化街 解放西路 郑密路 碧云路 南三环 芦庄路 苗圃路'),
    estates: list('大学苑 兴华里 政通花园 长江家园 碧云小区 荆胡家园 航海苑 陇海里 合作小区 橡树里 南苑小区 侯寨新居'),
    rivers: list('金水河 贾鲁河 熊耳河'),
    works: list('刘湾'),
  },
  // 管城回族区
  410104: {
    share: 0.12,
    clusters: [
      [null, 2.2, 5],
      [[113.74, 34.72], 3, 3],
      [[113.78, 34.69], 3, 2],
    ],
    roads: list('紫荆山路 城东路 城南路 航海东路 陇海东路 未来路 货站街 东明路 商城路 南关街 中州大道 经开第三大街 经开第八大街 第五大道 朝凤路 南曹路'),
    estates: list('紫荆小区 商城苑 城南里 货站家园 未来花园 航东小区 南曹新居 朝凤苑 金岱家园 东明里 十里铺小区 凤凰家园'),
    rivers: list('熊耳河 七里河 潮河'),
    works: list('东周'),
  },
  // 金水区
  410105: {
    share: 0.2,
    clusters: [
      [null, 2.8, 5],
      [[113.72, 34.77], 2.8, 4],
      [[113.68, 34.81], 2.5, 2],
      [[113.78, 34.8], 3, 2],
    ],
    roads: list(
      '文化路 花园路 经三路 东风路 农业路 金水路 黄河路 红专路 健康路 丰产路 北环路 国基路 索凌路 中州大道 商务内环路 众意路 龙湖外环路 熊儿河路 黄河东路 祥盛街 平安大道 龙子湖北路',
    ),
    estates: list('文苑小区 农大家园 经三花园 东风里 省直苑 黄河小区 红专里 丰产家园 国基新居 普罗苑 商务花园 众意小区 龙湖里 祥盛苑 平安家园 龙子湖小区'),
    rivers: list('金水河 东风渠 熊耳河 魏河'),
    works: list('白庙 龙湖'),
  },
  // 上街区
  410106: {
    share: 0.03,
    clusters: [[null, 1.8, 1]],
    roads: list('中心路 济源路 新安路 金华路 许昌路 洛宁路 登封路 二十里铺路'),
    estates: list('铝苑小区 中心里 新安家园 金华苑 济源小区 峡窝新居'),
    rivers: list('汜水河 枯河'),
    works: list('上街'),
  },
  // 惠济区
  410108: {
    share: 0.07,
    clusters: [
      [null, 2.5, 4],
      [[113.64, 34.86], 2.5, 3],
    ],
    roads: list('江山路 开元路 天河路 金河路 英才街 新城路 香山路 长兴路 三全路 桂圆北街 迎宾路 大河路'),
    estates: list('江山苑 开元家园 天河小区 英才里 新城花园 香山家园 长兴苑 迎宾小区 古荥新居'),
    rivers: list('索须河 贾鲁河 枯河'),
    works: list('花园口'),
  },
  // 中牟县
  410122: {
    share: 0.08,
    clusters: [
      [null, 2.2, 3],
      [[113.83, 34.755], 2.5, 3],
      [[113.9, 34.74], 2.5, 2],
    ],
    roads: list('万胜路 青年路 解放路 广惠街 建设路 商都大道 牟州大街 官渡大街 雁鸣大道 豫兴大道 文通路 白沙前程路 永盛路'),
    estates: list('万胜小区 青年里 广惠苑 牟州家园 官渡小区 白沙新居 前程家园 永盛苑 绿博小区'),
    rivers: list('贾鲁河 运粮河 小清河'),
    works: list('中牟'),
  },
  // 巩义市
  410181: {
    share: 0.05,
    clusters: [
      [null, 2.2, 4],
      [[113.0, 34.72], 4, 1],
    ],
    roads: list('人民路 建设路 新兴路 紫荆路 东区大道 永安路 杜甫路 嵩洛路 河洛路 陇海路'),
    estates: list('紫荆苑 永安小区 杜甫里 河洛家园 新兴小区 东区花园 站街新居'),
    rivers: list('伊洛河 东泗河 西泗河'),
    works: list('巩义'),
  },
  // 荥阳市
  410182: {
    share: 0.06,
    clusters: [
      [null, 2.2, 4],
      [[113.47, 34.8], 3, 2],
    ],
    roads: list('索河路 京城路 万山路 郑上路 兴华路 棋源路 广武路 惠厂路 荥泽大道 演武路 织机路'),
    estates: list('索河家园 京城小区 万山苑 棋源里 广武小区 荥泽花园 演武新居 刘禹锡苑'),
    rivers: list('索河 枯河 汜水河'),
    works: list('荥阳'),
  },
  // 新密市
  410183: {
    share: 0.04,
    clusters: [
      [null, 2.2, 4],
      [[113.47, 34.52], 4, 1],
    ],
    roads: list('溱水路 青屏大街 西大街 北密新路 东大街 开阳路 嵩山大道 平安路 长乐路'),
    estates: list('青屏小区 溱水苑 开阳家园 平安里 长乐小区 西街新居'),
    rivers: list('双洎河 溱水河'),
    works: list('新密'),
  },
  // 新郑市
  410184: {
    share: 0.07,
    clusters: [
      [null, 2.2, 3],
      [[113.66, 34.6], 2.5, 2],
      [[113.83, 34.53], 3, 3],
    ],
    roads: list('人民路 新建路 轩辕路 中兴路 玉前路 郑新路 双湖大道 龙湖文昌路 鸿鹄路 航空大道 迎宾大道 新港大道 滨河路'),
    estates: list('轩辕小区 玉前苑 中兴里 双湖家园 文昌小区 鸿鹄苑 航空花园 新港家园 锦荣小区'),
    rivers: list('双洎河 黄水河 梅河'),
    works: list('新郑 航空港'),
  },
  // 登封市
  410185: {
    share: 0.03,
    clusters: [
      [null, 2, 4],
      [[113.1, 34.42], 3, 1],
    ],
    roads: list('少林大道 嵩阳路 中岳大街 崇高路 菜园路 守敬路 大禹路 阳城路'),
    estates: list('嵩阳小区 中岳里 崇高家园 守敬苑 大禹小区 阳城新居'),
    rivers: list('颍河 少溪河'),
    works: list('登封'),
  },
}
